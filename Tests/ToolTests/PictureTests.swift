import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// Commands on pictures, run as processes.
@Suite struct PictureTests {
  /// A model directory with random weights: 32 x 32 pixels, 4 x 4 patches, a class token, three classes.
  static func makeModel(in folder: URL) throws -> String {
    let model = folder.appendingPathComponent("model")
    try FileManager.default.createDirectory(at: model, withIntermediateDirectories: true)
    let config = """
      {"architecture": "vit_test", "num_classes": 3, "label_names": ["a", "b", "c"],
       "model_args": {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 2, "num_heads": 3},
       "pretrained_cfg": {"input_size": [3, 32, 32]}}
      """
    let file = model.appendingPathComponent("config.json")
    try Data(config.utf8).write(to: file)
    let weights = try ModelWeights.random(.read(file), seed: 1)
    try Checkpoint(tensors: weights.tensors).write(to: model.appendingPathComponent("model.safetensors"))
    return model.path
  }

  @Test func directoriesNameTheirPictures() throws {
    try Tool.withFolder { folder in
      let model = try Self.makeModel(in: folder)
      let photographs = Fixture.url("real/photographs").path
      let names = ["astronaut.jpg", "chelsea.jpg", "coffee.jpg"].map { photographs + "/" + $0 }
      let whole = try Tool.run(["classify", "--model", model, photographs, "--json"])
      let listed = try Tool.run(["classify", "--model", model, "--batch", "2", "--threads", "1", "--json"] + names)
      #expect(whole.status == 0, "\(whole.errors)")
      #expect(whole.errors == "note: 1 entry of directories not read: 1 .md\n")
      #expect(whole.output == listed.output)

      let output = folder.appendingPathComponent("f.safetensors")
      let features = try Tool.run(["features", "--model", model, photographs, "--batch", "2", "--output", output.path])
      #expect(features.status == 0, "\(features.errors)")
      #expect(try Checkpoint(contentsOf: output).tensors["features"]?.shape == [3, 17, 48])
    }
  }

  /// The six most frequent kinds are named, in this order.
  @Test func otherEntriesOfDirectoriesAreCounted() throws {
    try Tool.withFolder { folder in
      let model = try Self.makeModel(in: folder)
      let place = folder.appendingPathComponent("files")
      try FileManager.default.createDirectory(at: place.appendingPathComponent("g"), withIntermediateDirectories: true)
      try Data(contentsOf: Fixture.url("images/cat.jpg")).write(to: place.appendingPathComponent("cat.jpg"))
      for name in ["a.aa", "b.bb", "1.zz", "2.zz", "c.cc", "d.dd", "README", ".hidden"] {
        try Data("text".utf8).write(to: place.appendingPathComponent(name))
      }
      let result = try Tool.run(["classify", "--model", model, place.path])
      #expect(result.status == 0)
      #expect(
        result.errors
          == "note: 8 entries of directories not read: 2 .zz, 1 .aa, 1 .bb, 1 .cc, 1 .dd, 1 folder, ...\n")
    }
  }

  @Test func namesThePictureThatCannotBeRead() throws {
    try Tool.withFolder { folder in
      let model = try Self.makeModel(in: folder)
      let bad = folder.appendingPathComponent("bad.jpg")
      try Data("no picture".utf8).write(to: bad)
      let good = Fixture.url("real/photographs/coffee.jpg").path
      let result = try Tool.run(["classify", "--model", model, good, bad.path, good])
      #expect(result.status == 1 && result.errors.contains(bad.path), "\(result.errors)")
      let two = try Tool.run(["classify", "--model", model, good, bad.path])
      #expect(two.status == 1 && two.errors.hasSuffix("\n1 without an answer, of 2 files\n"), "\(two.errors)")
      let alone = try Tool.run(["classify", "--model", model, bad.path])
      #expect(alone.status == 1 && !alone.errors.contains("without an answer"), "\(alone.errors)")
      let empty = folder.appendingPathComponent("empty")
      try FileManager.default.createDirectory(at: empty, withIntermediateDirectories: true)
      let none = try Tool.run(["classify", "--model", model, empty.path])
      #expect(none.status == 1 && none.errors.contains("without"), "\(none.errors)")
    }
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func completions(_ shell: String) throws {
    let result = try Tool.run(["--generate-completion-script", shell])
    #expect(result.status == 0 && result.output.contains("classify"))
  }
}
