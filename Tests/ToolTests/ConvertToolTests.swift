import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// `m2pt convert`, and PyTorch files in all options that name a checkpoint.
@Suite struct ConvertToolTests {
  private struct Report: Decodable {
    var layout: String
    var dtype: String
    var renamed: [String: String]
    var joined: [String: [String]]
    var dropped: [String]
    var computed: [String]
  }

  /// A folder with `source`, a model directory in Hugging Face's layout.
  static func withModel(_ body: (URL) throws -> Void) throws {
    try Tool.withFolder { folder in
      let golden = try Checkpoint(contentsOf: Fixture.url("model/hugging_face_vit.safetensors"))
      let source = folder.appendingPathComponent("source")
      try FileManager.default.createDirectory(at: source, withIntermediateDirectories: true)
      try Data(golden.metadata["config"]!.utf8).write(to: source.appendingPathComponent("config.json"))
      try Data(#"{"size": 32, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.5, 0.6, 0.7]}"#.utf8)
        .write(to: source.appendingPathComponent("preprocessor_config.json"))
      let names = golden.tensors.keys.filter { $0.hasPrefix("weights.") }
      let tensors = names.map { (String($0.dropFirst(8)), golden.tensors[$0]!) }
      try Checkpoint(tensors: Dictionary(uniqueKeysWithValues: tensors))
        .write(to: source.appendingPathComponent("model.safetensors"))
      try body(folder)
    }
  }

  @Test func answersAreTheSame() throws {
    try Self.withModel { folder in
      let (source, output) = (folder.appendingPathComponent("source").path, folder.appendingPathComponent("out").path)
      let result = try Tool.run(["convert", source, output, "--json"])
      #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
      let report = try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
      #expect(report.layout == "huggingFaceViT" && report.dtype == "F32" && report.computed.isEmpty)
      #expect(report.renamed["head.weight"] == "classifier.weight" && report.joined.count == 4)
      let files = try FileManager.default.contentsOfDirectory(atPath: output).sorted()
      #expect(files == ["config.json", "model.safetensors"])
      let picture = Fixture.url("images/cat.jpg").path
      func answer(_ model: String) throws -> String {
        let answer = try Tool.run(["classify", "--model", model, "--json", picture])
        #expect(answer.status == 0, "\(answer.errors)")
        return answer.output
      }
      #expect(try answer(output) == answer(source))

      let again = try Tool.run(["convert", source, output])
      #expect(again.status == 1 && again.errors.contains("--overwrite"), "\(again.errors)")
      let replaced = try Tool.run(["convert", source, output, "--overwrite", "--dtype", "bfloat16"])
      #expect(replaced.status == 0 && replaced.output.contains("wrote \(output)"), "\(replaced.errors)")
      let line = "renamed  vit.encoder.layer.N.layernorm_before.weight -> blocks.N.norm1.weight  (2 times)"
      #expect(replaced.errors.contains(line), "\(replaced.errors)")
      let left = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      #expect(left == ["out", "source"])
    }
  }

  @Test func refusalsLeaveNothingBehind() throws {
    try Self.withModel { folder in
      let source = folder.appendingPathComponent("source")
      let output = folder.appendingPathComponent("out").path
      func refused(_ arguments: [String], _ words: String, status: Int32 = 1) throws {
        let result = try Tool.run(["convert"] + arguments)
        #expect(result.status == status && result.errors.contains(words), "\(result.errors)")
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(left == ["source"])
      }
      let malicious = Fixture.url("pytorch/malicious.pth").path
      try refused([malicious, output, "--architecture", "vit_tiny_patch16_224"], "'posix.system', which is code")
      try refused([source.path, source.path, "--overwrite"], "is the model itself")
      let file = source.appendingPathComponent("model.safetensors").path
      try refused([file, source.path, "--overwrite"], "is the model itself")
      try refused([source.path, output + ".safetensors"], "names a file", status: 64)
      try refused([file, output, "--architecture", "vit_tiny_patch16_224"], "does not fit the configuration")
    }
  }

  @Test func pyTorchFilesAreConverted() throws {
    try Tool.withFolder { folder in
      let expected = try Checkpoint(contentsOf: Fixture.url("pytorch/expected.safetensors"))
      let file = folder.appendingPathComponent("checkpoint-99.pth")
      try FileManager.default.copyItem(at: Fixture.url("pytorch/mae.pth"), to: file)
      try Data(expected.metadata["mae.config"]!.utf8).write(to: folder.appendingPathComponent("config.json"))
      let result = try Tool.run(["convert", file.path, folder.appendingPathComponent("out").path])
      #expect(result.status == 0, "\(result.errors)")
      #expect(
        result.errors == """
          note: the prefix 'module.' is taken off the tensors' names
          dropped  module.decoder_embed.weight
          dropped  module.mask_token
          renamed  module.* -> *  (32 times)

          """)
    }
  }

  @Test func pyTorchFilesAreInspected() throws {
    let result = try Tool.run(["inspect", Fixture.url("pytorch/training.pth").path])
    #expect(result.status == 0, "\(result.errors)")
    #expect(
      result.output.contains("F32  fc1.weight  [4, 3]") && result.output.contains("metadata pytorch.entry: model"))
    let refused = try Tool.run(["inspect", Fixture.url("pytorch/legacy.pth").path])
    #expect(refused.status == 1 && refused.errors.contains("torch.save(torch.load("), "\(refused.errors)")
  }
}
