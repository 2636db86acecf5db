import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// Commands end with exit code 1 if a number is NaN or infinite, and name the tensor or the file.
@Suite struct NotFiniteToolTests {
  /// Changes a tensor of a model directory.
  private func change(_ model: String, _ name: String, _ body: (inout [Float]) -> Void) throws {
    let file = URL(fileURLWithPath: model).appendingPathComponent("model.safetensors")
    let checkpoint = try Checkpoint(contentsOf: file)
    var tensors = checkpoint.tensors
    let tensor = try #require(tensors[name])
    var values = try tensor.float32()
    body(&values)
    tensors[name] = Tensor(values, shape: tensor.shape)
    try Checkpoint(tensors: tensors, metadata: checkpoint.metadata).write(to: file)
  }

  @Test(arguments: ["float32", "bfloat16", "int8"])
  func brokenWeightsGiveNoAnswer(_ precision: String) throws {
    try Tool.withFolder { folder in
      let model = try PictureTests.makeModel(in: folder)
      try change(model, "blocks.1.mlp.fc2.weight") { $0[192 * 5 + 7] = .nan }
      let file = Fixture.url("images/cat.jpg").path
      let output = folder.path + "/x"
      let options = ["--model", model, "--precision", precision]
      for command in [
        ["classify"] + options + [file], ["classify"] + options + ["--json", file],
        ["classify"] + options + ["--csv", file], ["features"] + options + ["--output", output, file],
        ["attention"] + options + ["--output", output + ".png", file],
        ["calibrate", "--model", model, "--output", output, file],
        ["convert", model, output], ["convert", model, output, "--dtype", "float16"],
      ] {
        let found = try Tool.run(command)
        #expect(found.status == 1 && found.output.isEmpty, "\(command): \(found.output)")
        let words = "'blocks.1.mlp.fc2.weight' is NaN at [5, 7]; 1 of its 9216 numbers is not finite"
        #expect(found.errors.contains(words), "\(found.errors)")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["model"])
    }
  }

  @Test func inspectSaysThatLoadingWouldRefuseThem() throws {
    try Tool.withFolder { folder in
      let model = try PictureTests.makeModel(in: folder)
      let good = try Tool.run(["inspect", model])
      #expect(good.status == 0 && !good.output.contains("as a model: refused"))
      try change(model, "blocks.1.mlp.fc2.weight") { $0[192 * 5 + 7] = .nan }
      let words = "'blocks.1.mlp.fc2.weight' is NaN at [5, 7]; 1 of its 9216 numbers is not finite"
      let text = try Tool.run(["inspect", model])
      #expect(text.status == 0 && text.output.contains("as a model: refused: \(words)"), "\(text.output)")
      let json = try Tool.run(["inspect", model, "--json"])
      #expect(json.output.contains("is NaN at [5, 7]"), "\(json.output)")
    }
  }

  @Test func mergeAndVerifyNameTheTensor() throws {
    try Tool.withModels { folder in
      let (target, output) = (folder.path + "/target", folder.path + "/merged.safetensors")
      let auxiliary = folder.appendingPathComponent("auxiliary.safetensors")
      let good = try Data(contentsOf: auxiliary)
      var tensors = try Checkpoint(contentsOf: auxiliary).tensors
      var values = try #require(tensors["blocks.1.attn.proj.weight"]).float32()
      for index in 48..<51 { values[index] = -.infinity }
      tensors["blocks.1.attn.proj.weight"] = Tensor(values, shape: [48, 48])
      let bad = folder.appendingPathComponent("bad.safetensors")
      try Checkpoint(tensors: tensors).write(to: bad)
      for command in [["merge", "--output", output], ["verify", "--json"], ["verify"]] {
        let found = try Tool.run(command + ["--target", target, "--auxiliary", bad.path, "--scale", "0.1"])
        #expect(found.status == 1 && found.output.isEmpty, "\(found.output)")
        let words =
          "auxiliary 0's 'blocks.1.attn.proj.weight' is -infinity at [1, 0]; 3 of its 2304 numbers are not finite"
        #expect(found.errors.contains(words), "\(found.errors)")
      }
      // Scales that are not finite, or whose sums are not.
      let file = folder.appendingPathComponent("scales.json")
      for (text, words) in [
        ("{\"blocks.0.mlp.fc1\": 1e39}", "the scale of blocks.0.mlp.fc1 is not a finite number"),
        ("{\"attn.qkv\": -1e300}", "the scale of attn.qkv is not a finite number"),
        ("{\"attn.qkv\": 1e400}", "scale"), ("{\"attn.qkv\": NaN}", "scales.json"),
        ("{\"attn.qkv\": 3e38, \"attn.proj\": 3e38}", "the sum of the target's and the scaled auxiliary's weights"),
      ] {
        try Data(text.utf8).write(to: file)
        try good.write(to: auxiliary)
        if text.contains("3e38") {
          var large = try Checkpoint(contentsOf: auxiliary).tensors
          large["blocks.0.attn.qkv.weight"] = Tensor([Float](repeating: 2, count: 144 * 48), shape: [144, 48])
          try Checkpoint(tensors: large).write(to: auxiliary)
        }
        let found = try Tool.run([
          "merge", "--target", target, "--auxiliary", auxiliary.path, "--scales", file.path, "--output", output,
        ])
        #expect(found.status == 1 && found.errors.contains(words), "\(text): \(found.errors)")
      }
      for scale in ["nan", "inf", "-inf", "1e39"] {
        let found = try Tool.run([
          "merge", "--target", target, "--auxiliary", auxiliary.path, "--scale", scale, "--output", output,
        ])
        #expect(found.status == 1 && found.errors.contains("not a finite number"), "\(scale): \(found.errors)")
      }
      #expect(!FileManager.default.fileExists(atPath: output))
    }
  }

  /// A finite model that overflows on a white picture gives answers for grey ones.
  private func withOverflow(_ body: (_ folder: URL, _ model: String, _ files: [String]) throws -> Void) throws {
    try Tool.withFolder { folder in
      let model = try PictureTests.makeModel(in: folder)
      let configuration = URL(fileURLWithPath: model).appendingPathComponent("config.json")
      let text = try String(contentsOf: configuration, encoding: .utf8).replacingOccurrences(
        of: "\"input_size\": [3, 32, 32]",
        with: "\"input_size\": [3, 32, 32], \"mean\": [0.5, 0.5, 0.5], \"std\": [0.5, 0.5, 0.5]")
      try Data(text.utf8).write(to: configuration)
      try change(model, "patch_embed.proj.weight") { values in
        for index in values.indices { values[index] = index % 384 < 192 ? 1e37 : 1e36 }
      }
      let files = try [128, 255, 127].map { grey in
        let file = folder.appendingPathComponent("\(grey).png")
        let picture = try PixelImage(
          extent: Extent(square: 32), rgb: [UInt8](repeating: UInt8(grey), count: 32 * 32 * 3))
        try ImageFile.writePNG(picture, to: file)
        return file.path
      }
      try body(folder, model, files)
    }
  }

  @Test func anAnswerThatIsNotFiniteNamesItsFile() throws {
    try withOverflow { folder, model, files in
      for format in [[], ["--json"], ["--csv"], ["--precision", "int8"], ["--precision", "bfloat16", "--csv"]] {
        let found = try Tool.run(["classify", "--model", model] + format + files)
        let expected = try Tool.run(["classify", "--model", model] + format + [files[0], files[2]])
        #expect(
          expected.status == 0 && Tool.withoutEmulationNotes(expected.errors).isEmpty, "\(expected.errors)")
        #expect(found.status == 1 && found.output == expected.output, "\(found.output)")
        #expect(found.errors.contains("Error: \(files[1]): its score is not finite"), "\(found.errors)")
        #expect(!found.output.contains("nan") && !found.output.contains("inf"))
      }
      let output = folder.appendingPathComponent("f")
      for option in [[], ["--pooled"], ["--block", "1"]] {
        let found = try Tool.run(["features", "--model", model, "--output", output.path] + option + files)
        #expect(found.status == 1 && found.errors.contains("Error: \(files[1]): a feature"), "\(found.errors)")
        #expect(try BatchTests.rows(Checkpoint(contentsOf: output)) == [files[0], files[2]])
      }
      let attention = try Tool.run(["attention", "--model", model, "--json", files[1]])
      #expect(attention.status == 1 && attention.output.isEmpty, "\(attention.output)")
      #expect(attention.errors.contains(files[1]), "\(attention.errors)")
      let calibrate = try Tool.run(["calibrate", "--model", model, "--json"] + files)
      #expect(calibrate.status == 1 && calibrate.errors.contains("Error: \(files[1]): "), "\(calibrate.errors)")
      #expect(calibrate.output.contains("\"inputs\" : 2"))
    }
  }

  @Test func aVerificationNamesTheFile() throws {
    try withOverflow { folder, model, files in
      let verify = [
        "verify", "--target", model, "--auxiliary", model + "/model.safetensors", "--scale", "0.01", "--input",
      ]
      for format in [[], ["--json"]] {
        // Finite, and far from Double by squares that overflow: a verdict.
        let grey = try Tool.run(verify + [files[0]] + format)
        #expect(grey.status == 1 && !grey.output.isEmpty && !grey.errors.contains("not finite"), "\(grey.errors)")
        let found = try Tool.run(verify + [files[1]] + format)
        #expect(found.status == 1 && found.output.isEmpty, "\(found.output)")
        #expect(found.errors.contains("\(files[1]): a result of the verification is not finite"), "\(found.errors)")
      }
    }
  }

  @Test func aProbeNamesTheFile() throws {
    try withOverflow { folder, model, files in
      for (index, name) in ["x", "y"].enumerated() {
        let place = folder.appendingPathComponent("train/\(name)")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        for number in 0..<2 {
          try FileManager.default.copyItem(
            atPath: files[index == 1 && number == 1 ? 1 : 2 * number], toPath: place.path + "/\(number).png")
        }
      }
      for option in [[], ["--skip-unreadable"]] {
        let found = try Tool.run(
          [
            "probe", "--model", model, "--train", folder.path + "/train", "--folds", "2", "--output",
            folder.path + "/out",
          ] + option)
        #expect(found.status == 1 && found.errors.contains("y/1.png: a feature of it is not finite"), "\(found.errors)")
      }
      #expect(!FileManager.default.fileExists(atPath: folder.path + "/out"))
    }
  }
}
