import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// `m2pt inspect` in scripts.
@Suite struct InspectTests {
  private struct Report: Decodable {
    struct Total: Decodable, Equatable {
      var dtype: String
      var tensors: Int
      var parameters: Int
      var bytes: Int
    }
    struct Missing: Decodable {
      var name: String
      var nearest: String?
    }
    struct Mismatched: Decodable {
      var name: String
      var expected: [Int]
      var found: [Int]
    }
    var totals: [Total]
    var parameters: Int
    var architecture: String?
    var architectureIsGuess: Bool?
    var fits: Bool?
    var missing: [Missing]?
    var unexpected: [String]?
    var mismatched: [Mismatched]?
    var notCompared: String?
  }

  private func report(_ arguments: [String]) throws -> Report {
    let result = try Tool.run(["inspect", "--json"] + arguments)
    #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
    return try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
  }

  /// Exit code 1, nothing on standard output, one line with `words` on standard error.
  private func expectOneLine(_ url: URL, _ words: String) throws {
    for arguments in [["inspect", url.path], ["inspect", url.path, "--json"]] {
      let result = try Tool.run(arguments)
      #expect(result.status == 1 && result.output.isEmpty, "\(result)")
      #expect(result.errors.split(separator: "\n", omittingEmptySubsequences: false).count == 2, "\(result.errors)")
      #expect(result.errors.hasSuffix("\n") && result.errors.contains(words), "\(result.errors)")
    }
  }

  @Test func malformedFilesHaveOneLineReasons() throws {
    try Tool.withModels { folder in
      let file = folder.appendingPathComponent("bad\nname.safetensors")
      let header = #"{"a\nb":{"dtype":"Q4\n","shape":[1],"data_offsets":[0,4]}}"#
      let count = UInt64(header.utf8.count)
      let named = withUnsafeBytes(of: count.littleEndian) { Data($0) } + Data(header.utf8) + Data(count: 4)
      for (bytes, words) in [
        (Data(), "has 0 bytes, a safetensors file has at least 10"),
        (Data("not a checkpoint".utf8), "not a safetensors file"),
        (Data("<!doctype html>\n<p>Not found".utf8), "HTML"), (named, #"'Q4\u{a}'"#),
      ] {
        try bytes.write(to: file)
        try expectOneLine(file, words)
      }
      try expectOneLine(folder.appendingPathComponent("nothing"), "no such file")
    }
  }

  @Test func malformedConfigurationsHaveOneLineReasons() throws {
    try Tool.withModels { folder in
      let target = folder.appendingPathComponent("target")
      let config = target.appendingPathComponent("config.json")
      let broken = try String(contentsOf: config, encoding: .utf8)
        .replacingOccurrences(of: "\"depth\": 2", with: "\"depth\": -2")
      for (text, words) in [
        ("", "config.json"), ("{\n\"architecture\":\n", "config.json"), ("[]", "config.json"), ("{}", "architecture"),
        (broken, "depth"),
      ] {
        try Data(text.utf8).write(to: config)
        try expectOneLine(target, words)
      }
    }
  }

  /// The directory of a speech or text model is well formed, although it is not a vision transformer.
  @Test func otherModelsAreListed() throws {
    try Tool.withModels { folder in
      let target = folder.appendingPathComponent("target")
      for text in [#"{"architecture": "resnet50\n"}"#, #"{"model_type": "whisper"}"#] {
        try Data(text.utf8).write(to: target.appendingPathComponent("config.json"))
        let found = try report([target.path])
        #expect(found.notCompared?.isEmpty == false && found.fits == nil)
      }
    }
  }

  @Test func differencesFromTheConfiguration() throws {
    try Tool.withModels { folder in
      let target = folder.appendingPathComponent("target")
      let file = target.appendingPathComponent("model.safetensors")
      let before = try report([target.path])
      #expect(before.fits == true)
      var checkpoint = try Checkpoint(contentsOf: target)
      checkpoint.tensors["blocks.1.mlp.fc1.weigth"] = checkpoint.tensors.removeValue(forKey: "blocks.1.mlp.fc1.weight")
      checkpoint.tensors["norm.weight"] = try Tensor([1, 2], shape: [2]).converted(to: .bfloat16)
      try checkpoint.write(to: file)
      let found = try report([target.path])
      #expect(found.fits == false && found.architectureIsGuess == false)
      #expect(found.unexpected == ["blocks.1.mlp.fc1.weigth"])
      #expect(found.missing?.map(\.name) == ["blocks.1.mlp.fc1.weight"])
      #expect(found.missing?.first?.nearest == "blocks.1.mlp.fc1.weigth")
      #expect(found.mismatched?.first?.name == "norm.weight" && found.mismatched?.first?.expected == [48])
      #expect(found.totals.map(\.dtype) == ["BF16", "F32"])
      #expect(found.totals.first == Report.Total(dtype: "BF16", tensors: 1, parameters: 2, bytes: 4))
      let text = try Tool.run(["inspect", target.path]).output
      #expect(text.contains("nearest: blocks.1.mlp.fc1.weigth") && text.contains("does not fit vit_test"))
      #expect(text.contains("norm.weight: [2], expected [48]"))
      #expect(text.contains("BF16: 1 tensors, 2 parameters, 4 bytes"))
    }
  }

  @Test func guessesFromShapes() throws {
    try Tool.withModels { folder in
      var configuration = try VisionTransformerConfiguration.preset("vit_tiny_patch16_224")
      configuration.classCount = 7
      let weights = try ModelWeights.random(configuration, seed: 3)
      let file = folder.appendingPathComponent("tiny.safetensors")
      try Checkpoint(tensors: weights.tensors).write(to: file)
      let found = try report([file.path])
      #expect(found.architecture == "vit_tiny_patch16_224" && found.architectureIsGuess == true && found.fits == true)
      let text = try Tool.run(["inspect", file.path]).output
      #expect(text.contains("(a guess from the shapes)"))
      // 48 channels: none of timm's.
      let other = try report([folder.appendingPathComponent("auxiliary.safetensors").path])
      #expect(other.architecture == nil)
    }
  }

  /// A disk that becomes full during a merge: one line, exit code 1, no file.
  @Test func aFullDiskLeavesNothing() throws {
    try Tool.withModels { folder in
      let output = folder.appendingPathComponent("merged.safetensors")
      let result = try Tool.run(
        [
          "merge", "--target", folder.appendingPathComponent("target").path, "--auxiliary",
          folder.appendingPathComponent("auxiliary.safetensors").path, "--scale", "0.1", "--output", output.path,
        ], fileLimit: 8)
      #expect(result.status == 1 && result.errors.contains("cannot be written: File too large"), "\(result.errors)")
      let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(!left.contains { $0.contains("partial") || $0.contains("merged") }, "\(left)")
    }
  }
}
