import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Errors of attaching, reading and binding.
@Suite struct PathwayErrorTests {
  private func golden() throws -> (target: ModelWeights, auxiliary: Checkpoint) {
    let file = try Checkpoint(contentsOf: Fixture.url("model/pathway.safetensors"))
    let target = try ModelWeights(
      checkpoint: GoldenTests.part(file, "target."), configuration: try GoldenTests.configuration(file))
    return (target, GoldenTests.part(file, "auxiliary.0."))
  }

  private func configuration(_ arguments: String, classes: Int = 3) throws -> VisionTransformerConfiguration {
    let text = #"{"architecture": "vit_tiny_patch16_224", "num_classes": \#(classes), "model_args": {\#(arguments)}}"#
    return try .read(json: Data(text.utf8), file: "config.json")
  }

  @Test(arguments: [
    #""embed_dim": 4611686018427387904, "depth": 1, "num_heads": 1"#,
    #""embed_dim": 1152921504606846976, "depth": 1, "num_heads": 1, "mlp_ratio": 64"#,
    #""embed_dim": -4"#, #""num_heads": 0"#, #""num_heads": 5"#, #""depth": 4611686018427387904"#,
    #""img_size": 9223372036854775807"#, #""patch_size": 500"#, #""mlp_ratio": 1e300"#, #""reg_tokens": -1"#,
    #""img_size": [1, 2, 3]"#, #""class_token": false"#,
  ])
  func impossibleConfigurations(_ arguments: String) {
    #expect(throws: ConfigurationError.self) { try configuration(arguments) }
  }

  @Test func partialArgumentsOverrideThePreset() throws {
    let c = try configuration(#""depth": 3"#)
    #expect(c.depth == 3 && c.width == 192 && c.heads == 3)
  }

  @Test func unknownArchitectureNamesTheNearest() {
    do {
      _ = try VisionTransformerConfiguration.preset("vit_base_patch16_225")
      Issue.record("accepted")
    } catch {
      #expect("\(error)".contains("vit_base_patch16_224"))
    }
  }

  @Test func bindingNamesMissingUnexpectedAndMisshapen() throws {
    let (target, _) = try golden()
    var tensors = target.tensors
    tensors["blocks.0.norm3.weight"] = tensors.removeValue(forKey: "blocks.0.norm1.weight")
    tensors["norm.bias"] = Tensor([1, 2], shape: [2])
    do {
      _ = try ModelWeights(checkpoint: Checkpoint(tensors: tensors), configuration: target.configuration)
      Issue.record("accepted")
    } catch let error as BindingError {
      #expect(error.missing.map(\.name) == ["blocks.0.norm1.weight"])
      #expect(error.missing.map(\.nearest) == ["blocks.0.norm3.weight"])
      #expect(error.unexpected == ["blocks.0.norm3.weight"])
      #expect(error.mismatched.map(\.name) == ["norm.bias"])
      #expect(error.mismatched.map(\.expected) == [[32]] && error.mismatched.map(\.found) == [[2]])
    }
  }

  @Test func depthsMustAgreeOrBeMapped() throws {
    let (target, auxiliary) = try golden()
    let shallow = Checkpoint(tensors: auxiliary.tensors.filter { !$0.key.hasPrefix("blocks.1.") })
    let one = try AuxiliaryWeights(checkpoint: shallow)
    #expect(throws: PathwayError.depthMismatch(target: 2, auxiliary: 1)) { try target.attach(auxiliary: one) }
    #expect(throws: Never.self) { try target.attach(auxiliary: one, blockMap: .explicit([1: 0]), scale: 1) }
    #expect(throws: PathwayError.self) { try target.attach(auxiliary: one, blockMap: .explicit([0: 1])) }
  }

  @Test func gapsInAnAuxiliaryAreErrors() throws {
    let (_, auxiliary) = try golden()
    let gap = Checkpoint(tensors: auxiliary.tensors.filter { $0.key != "blocks.0.attn.qkv.weight" })
    #expect(throws: CheckpointLayoutError.self) { try AuxiliaryWeights(checkpoint: gap) }
    let cut = Checkpoint(tensors: auxiliary.tensors.filter { $0.key != "blocks.1.attn.qkv.weight" })
    #expect(throws: PathwayError.missingAuxiliary(tensor: "blocks.1.attn.qkv.weight")) {
      try AuxiliaryWeights(checkpoint: cut)
    }
  }

  @Test func shapesScalesAndNamesAreChecked() throws {
    let (target, auxiliary) = try golden()
    var narrow = auxiliary.tensors
    narrow["blocks.1.mlp.fc1.weight"] = Tensor([1, 2], shape: [1, 2])
    narrow["blocks.1.mlp.fc1.bias"] = nil
    #expect(throws: PathwayError.shapeMismatch(layer: "blocks.1.mlp.fc1", target: [64, 32], auxiliary: [1, 2])) {
      try target.attach(auxiliary: AuxiliaryWeights(checkpoint: Checkpoint(tensors: narrow)))
    }
    var short = auxiliary.tensors
    short["blocks.0.mlp.fc1.bias"] = Tensor([1, 2, 3], shape: [3])
    #expect(throws: PathwayError.auxiliaryShape(tensor: "blocks.0.mlp.fc1.bias", expected: "[64]", found: [3])) {
      try target.attach(auxiliary: AuxiliaryWeights(checkpoint: Checkpoint(tensors: short)), bias: .combined)
    }
    let good = try AuxiliaryWeights(checkpoint: auxiliary)
    #expect(throws: PathwayError.notJoined(layer: "blocks.9.attn.qkv")) {
      try target.attach(auxiliary: good, scales: ["blocks.9.attn.qkv": 1])
    }
    #expect(throws: PathwayError.notALayer(found: "blocks.1.atn.qkv", nearest: "blocks.1.attn.qkv")) {
      try target.attach(auxiliary: good, scales: ["blocks.1.atn.qkv": 1])
    }
    #expect(throws: PathwayError.self) { try target.attach(auxiliary: good, scale: .nan) }
  }
}
