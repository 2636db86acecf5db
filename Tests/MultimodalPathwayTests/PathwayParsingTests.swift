import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Block maps and scales in text.
@Suite struct PathwayParsingTests {
  @Test func blockMapsAreRead() throws {
    #expect(try BlockMap(parsing: "identity") == .identity)
    #expect(try BlockMap(parsing: "reversed") == .reversed)
    #expect(try BlockMap(parsing: "0:0,3:1,6:2") == .explicit([0: 0, 3: 1, 6: 2]))
    #expect(try BlockMap(parsing: "11:0") == .explicit([11: 0]))
    // One auxiliary block may serve several blocks of the target.
    #expect(try BlockMap(parsing: "0:0,1:0") == .explicit([0: 0, 1: 0]))
  }

  @Test(arguments: [
    "", ",", ":", "0", "0:", ":0", "0:0,", ",0:0", "0:0,0:1", "0:0,,1:1", "a:b", "0:0;1:1", "0:0:0", "0 : 0",
    "0.5:1", "99999999999999999999:0", "Identity", "reverse", "0:0\n",
  ])
  func malformedBlockMapsAreRefused(_ text: String) {
    do {
      _ = try BlockMap(parsing: text)
      Issue.record("accepted")
    } catch PathwayError.badBlockMap(let found, _) {
      #expect(found == text)
    } catch {
      Issue.record("\(error)")
    }
  }

  private func scales(_ text: String, count: Int = 1) throws -> [[String: Float]] {
    try PathwayScales.read(json: Data(text.utf8), file: "scales.json", count: count)
  }

  @Test func scalesAreRead() throws {
    #expect(try scales("{}") == [[:]])
    #expect(try scales(#"{"blocks.0.attn.qkv": 0.05, "mlp.fc1": -1}"#) == [["blocks.0.attn.qkv": 0.05, "mlp.fc1": -1]])
    #expect(try scales(#"[{"attn.qkv": 1e-6}, {}]"#, count: 2) == [["attn.qkv": 1e-6], [:]])
  }

  @Test(arguments: [
    "", "[]", "1", "null", "[1]", #"{"attn.qkv": "0.5"}"#, #"{"attn.qkv": null}"#, #"{"attn.qkv": [1]}"#, "[{}, {}]",
    #"{"attn.qkv": 1e39}"#, #"{"attn.qkv": NaN}"#, #"{"attn.qkv": Infinity}"#, #"{"attn.qkv": 1e400}"#,
  ])
  func malformedScalesAreRefused(_ text: String) {
    #expect(throws: PathwayError.self) { try scales(text) }
  }

  @Test func unreadableScalesAreRefused() {
    #expect(throws: ConfigurationError.self) {
      try PathwayScales.read(URL(fileURLWithPath: "/no/such/scales.json"), count: 1)
    }
  }

  @Test func theScaleOfALayerOverridesThatOfItsKind() throws {
    let file = try Checkpoint(contentsOf: Fixture.url("model/pathway.safetensors"))
    let target = try ModelWeights(
      checkpoint: GoldenTests.part(file, "target."), configuration: GoldenTests.configuration(file))
    let auxiliary = try AuxiliaryWeights(checkpoint: GoldenTests.part(file, "auxiliary.0."))
    let joined = try target.attach(
      auxiliary: auxiliary, layers: [.qkv, .fc1], scale: 3, scales: ["attn.qkv": 1, "blocks.1.attn.qkv": 2])
    #expect(
      joined.pathways[0].scales == [
        "blocks.0.attn.qkv": 1, "blocks.1.attn.qkv": 2, "blocks.0.mlp.fc1": 3, "blocks.1.mlp.fc1": 3,
      ])
    #expect(throws: PathwayError.notJoined(layer: "mlp.fc2")) {
      try target.attach(auxiliary: auxiliary, layers: [.qkv], scales: ["mlp.fc2": 1])
    }
    #expect(throws: PathwayError.scaleNotFinite(layer: "attn.qkv")) {
      try target.attach(auxiliary: auxiliary, scales: ["attn.qkv": .infinity])
    }
  }

  @Test func mismatchesAreNamed() throws {
    let file = try Checkpoint(contentsOf: Fixture.url("model/pathway.safetensors"))
    let target = try ModelWeights(
      checkpoint: GoldenTests.part(file, "target."), configuration: GoldenTests.configuration(file))
    func auxiliary(width: Int = 32, hidden: Int = 64, depth: Int = 2, heads: Int? = nil) throws -> AuxiliaryWeights {
      let kind = SyntheticAuxiliary.whisper
      return try AuxiliaryWeights(
        checkpoint: kind.checkpoint(depth: depth, width: width, hidden: hidden, seed: 9), heads: heads)
    }
    // Width, hidden width, depth: errors that name both.
    #expect(throws: PathwayError.shapeMismatch(layer: "blocks.0.attn.qkv", target: [96, 32], auxiliary: [72, 24])) {
      try target.attach(auxiliary: auxiliary(width: 24))
    }
    #expect(throws: PathwayError.shapeMismatch(layer: "blocks.0.mlp.fc1", target: [64, 32], auxiliary: [65, 32])) {
      try target.attach(auxiliary: auxiliary(hidden: 65))
    }
    for map in [BlockMap.identity, .reversed] {
      #expect(throws: PathwayError.depthMismatch(target: 2, auxiliary: 3)) {
        try target.attach(auxiliary: auxiliary(depth: 3), blockMap: map)
      }
    }
    // Heads: shapes agree, meanings do not.
    #expect(try target.attach(auxiliary: auxiliary(heads: 2)).warnings.isEmpty)
    #expect(try target.attach(auxiliary: auxiliary(heads: 4)).warnings.count == 1)
    // Post-norm.
    let bert = try AuxiliaryWeights(
      checkpoint: SyntheticAuxiliary.bert.checkpoint(depth: 2, width: 32, hidden: 64, seed: 9), heads: 2)
    #expect(try target.attach(auxiliary: bert).warnings.count == 1)
    // A bias that the target does not have.
    let plain = try Checkpoint(contentsOf: Fixture.url("model/no_qkv_bias.safetensors"))
    let biasless = try ModelWeights(
      checkpoint: GoldenTests.part(plain, "weights."), configuration: GoldenTests.configuration(plain))
    let fitting = try auxiliary(hidden: biasless.configuration.hiddenWidth)
    #expect(throws: PathwayError.biasMissing(layer: "blocks.0.attn.qkv")) {
      try biasless.attach(auxiliary: fitting, bias: .combined, scale: 1)
    }
    #expect(throws: Never.self) { try biasless.attach(auxiliary: fitting, layers: [.fc1], bias: .combined, scale: 1) }
    #expect(throws: Never.self) { try biasless.attach(auxiliary: fitting, scale: 1) }
  }
}
