import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Options of sizes, layouts, block maps and formats, run as processes.
@Suite struct PathwayOptionTests {
  @Test func picturesOfOtherSizes() throws {
    try Tool.withModels { folder in
      let target = folder.appendingPathComponent("target").path
      let picture = Fixture.url("images/cat.jpg").path
      let output = folder.appendingPathComponent("features.safetensors")
      for (size, tokens) in [("48", 37), ("32x64", 33)] {
        let run = try Tool.run([
          "features", "--model", target, "--image-size", size, picture, "--output", output.path,
        ])
        #expect(run.status == 0, "\(run.errors)")
        #expect(try Checkpoint(contentsOf: output).tensors["features"]?.shape == [1, tokens, 48])
      }
      for (size, status) in [("a", Int32(64)), ("0", 64), ("4", 1)] {
        let run = try Tool.run(["classify", "--model", target, "--image-size", size, picture])
        #expect(run.status == status, "\(run.errors)")
      }
      let auxiliary = folder.appendingPathComponent("auxiliary.safetensors").path
      let merged = folder.appendingPathComponent("merged.safetensors")
      let options = ["--target", target, "--auxiliary", auxiliary, "--scale", "0.1", "--image-size", "40x24"]
      let merge = try Tool.run(["merge"] + options + ["--output", merged.path])
      #expect(merge.status == 0, "\(merge.errors)")
      #expect(try ModelWeights(modelAt: merged).configuration.imageSize == Extent(height: 40, width: 24))
      let verify = try Tool.run(["verify"] + options + ["--input", picture, "--no-antialias"])
      #expect(verify.status == 0, "\(verify.errors)")
    }
  }

  @Test func auxiliariesOfDifferentDepth() throws {
    try Tool.withModels { folder in
      let target = folder.appendingPathComponent("target")
      let auxiliary = folder.appendingPathComponent("auxiliary.safetensors")
      let other = try Checkpoint(contentsOf: auxiliary)
      let shallow = folder.appendingPathComponent("shallow.safetensors")
      try Checkpoint(tensors: other.tensors.filter { !$0.key.hasPrefix("blocks.1.") }).write(to: shallow)
      let scales = folder.appendingPathComponent("scales.json")
      try Data(#"[{"attn.qkv": 0.5, "mlp.fc1": 0}, {"blocks.1.attn.proj": -0.25}]"#.utf8).write(to: scales)
      let merged = folder.appendingPathComponent("merged.safetensors")
      let options = [
        "--target", target.path, "--auxiliary", auxiliary.path, "--auxiliary", shallow.path, "--scales", scales.path,
      ]
      let run = try Tool.run(
        ["merge"] + options + ["--block-map", "reversed", "--block-map", "1:0", "--dtype", "bfloat16"]
          + ["--output", merged.path])
      #expect(run.status == 0, "\(run.errors)")
      let file = try Checkpoint(contentsOf: merged)
      #expect(file.metadata["m2pt.block_maps"] == "0:1,1:0;1:0")
      #expect(file.tensors.values.allSatisfy { $0.elementType == .bfloat16 })

      // One map does not fit both, and three do not fit two.
      let wrong = try Tool.run(["merge"] + options + ["--output", merged.path])
      #expect(wrong.status == 1 && wrong.errors.contains("block map"), "\(wrong.errors)")
      let three = ["--block-map", "0:0", "--block-map", "0:0", "--block-map", "0:0"]
      #expect(try Tool.run(["merge"] + options + three + ["--output", merged.path]).status == 64)

      // A merge of a merge gives a note.
      let again = try Tool.run([
        "merge", "--target", merged.path, "--auxiliary", auxiliary.path, "--scale", "1", "--dtype", "target",
        "--output", folder.appendingPathComponent("again.safetensors").path,
      ])
      #expect(again.status == 0 && again.errors.contains("result of a merge"), "\(again.errors)")
      let last = try Checkpoint(contentsOf: folder.appendingPathComponent("again.safetensors"))
      #expect(last.metadata["m2pt.dtype"] == "BF16" && last.metadata["m2pt.previous"] != nil)
    }
  }

  @Test func errorsOfScalesAreDistinct() throws {
    try Tool.withModels { folder in
      let scales = folder.appendingPathComponent("scales.json")
      for (text, reason) in [
        (#"{"blocks.0.atn.qkv": 1}"#, "did you mean blocks.0.attn.qkv?"), (#"{"attn.qkv": "a"}"#, "not a number"),
        ("[{}, {}]", "1 are given"), ("{", "JSON"), (#"{"attn.qkv": 1e39}"#, "not a finite number"),
      ] {
        try Data(text.utf8).write(to: scales)
        let run = try Tool.run([
          "merge", "--target", folder.appendingPathComponent("target").path, "--auxiliary",
          folder.appendingPathComponent("auxiliary.safetensors").path, "--scales", scales.path, "--output",
          folder.appendingPathComponent("merged.safetensors").path,
        ])
        #expect(run.status == 1 && run.errors.contains(reason), "\(text): \(run.errors)")
      }
    }
  }

  @Test func huggingFaceDirectoriesClassify() throws {
    try Tool.withFolder { folder in
      let golden = try Checkpoint(contentsOf: Fixture.url("model/hugging_face_vit.safetensors"))
      try Data(golden.metadata["config"]!.utf8).write(to: folder.appendingPathComponent("config.json"))
      let processor = #"{"image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 32}}"#
      try Data(processor.utf8).write(to: folder.appendingPathComponent("preprocessor_config.json"))
      let prefix = "weights."
      let names = golden.tensors.keys.filter { $0.hasPrefix(prefix) }
      try Checkpoint(
        tensors: Dictionary(
          uniqueKeysWithValues: names.map { (String($0.dropFirst(prefix.count)), golden.tensors[$0]!) })
      ).write(to: folder.appendingPathComponent("model.safetensors"))
      let run = try Tool.run(["classify", "--model", folder.path, Fixture.url("images/cat.jpg").path])
      #expect(run.status == 0 && run.output.contains("class "), "\(run.errors)")
      let inspect = try Tool.run(["inspect", folder.path])
      #expect(inspect.status == 0 && inspect.output.contains("fits vit"), "\(inspect.errors)")
    }
  }
}
