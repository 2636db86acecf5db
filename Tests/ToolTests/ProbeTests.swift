import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// `m2pt probe`, run as a process on synthetic pictures.
@Suite struct ProbeTests {
  private struct Report: Decodable {
    struct Files: Decodable {
      var files: Int
      var skipped: [String]
    }
    struct Accuracy: Decodable {
      var correct: Int
      var total: Int
      var confusion: [[Int]]
    }
    var classes: [String]
    var train: Files
    var test: Files?
    var held_out: Accuracy
    var test_accuracy: Accuracy?
  }
  private struct Answer: Decodable {
    struct Class: Decodable {
      var label: String
      var probability: Double
    }
    var classes: [Class]
  }

  private func exists(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.path) }

  @Test func makesAModelThatClassifies() throws {
    try Tool.withFolder { folder in
      let model = try PictureTests.makeModel(in: folder)
      let train = try Tool.makePictures(in: folder.appendingPathComponent("train"), count: 6, seed: 1)
      let test = try Tool.makePictures(in: folder.appendingPathComponent("test"), count: 2, seed: 2)
      let output = folder.appendingPathComponent("colours")
      let options = [
        "probe", "--model", model, "--train", train, "--output", output.path, "--folds", "3", "--batch", "5",
      ]
      let result = try Tool.run(options + ["--test", test, "--json"])
      try #require(result.status == 0, "\(result.errors)")
      let report = try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
      #expect(report.classes == ["blue", "red"] && report.train.files == 12 && report.test?.files == 4)
      #expect(report.held_out.correct == 12)
      #expect(report.test_accuracy?.confusion == [[2, 0], [0, 2]])
      #expect(report.held_out.total == 12 && report.held_out.confusion == [[6, 0], [0, 6]])

      // The directory is a model: the body is unchanged, the head has two classes, the recipe is kept.
      let before = try Checkpoint(contentsOf: URL(fileURLWithPath: model))
      let after = try Checkpoint(contentsOf: output)
      #expect(Set(after.tensors.keys) == Set(before.tensors.keys))
      for (name, tensor) in before.tensors where !name.hasPrefix("head.") {
        #expect(try after.tensors[name]?.float32() == tensor.float32(), "\(name)")
      }
      #expect(after.tensors["head.weight"]?.shape == [2, 48])
      #expect(after.metadata["m2pt.source.0"]?.contains("sha256:") == true)
      #expect(try ImagePreprocessing.read(modelAt: output) == .read(modelAt: URL(fileURLWithPath: model)))

      let answers = try Tool.run(["classify", "--model", output.path, test + "/blue", test + "/red", "--json"])
      try #require(answers.status == 0, "\(answers.errors)")
      let classes = try JSONDecoder().decode([Answer].self, from: Data(answers.output.utf8)).map { $0.classes[0] }
      #expect(classes.map(\.label) == ["blue", "blue", "red", "red"])
      #expect(classes.allSatisfy { $0.probability > 0.5 && $0.probability < 1 })

      // It replaces a model only with --overwrite, and never anything else.
      let again = try Tool.run(options)
      #expect(again.status == 1 && again.errors.contains("--overwrite"), "\(again.errors)")
      let replaced = try Tool.run(options + ["--overwrite", "--threads", "1"])
      #expect(replaced.status == 0 && replaced.output.contains("held-out accuracy: 100.00 %"), "\(replaced.errors)")
      let third = try Checkpoint(contentsOf: output)
      #expect(try third.tensors["head.weight"]?.float32() == after.tensors["head.weight"]?.float32())
      try Data().write(to: output.appendingPathComponent("notes.txt"))
      let refused = try Tool.run(options + ["--overwrite"])
      #expect(refused.status == 1 && refused.errors.contains("notes.txt"), "\(refused.errors)")
      #expect(exists(output.appendingPathComponent("notes.txt")))
      let left = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      #expect(left == ["colours", "model", "test", "train"])
    }
  }

  /// Test pictures in the wrong folder: pictures in the blue folder are classified as red.
  @Test func confusionsAreByFolderThenByAnswer() throws {
    try Tool.withFolder { folder in
      let model = try PictureTests.makeModel(in: folder)
      let train = try Tool.makePictures(in: folder.appendingPathComponent("train"), count: 6, seed: 1)
      let test = try Tool.makePictures(in: folder.appendingPathComponent("test"), count: 2, seed: 2)
      for index in 0..<2 {
        try FileManager.default.moveItem(atPath: "\(test)/red/\(index).png", toPath: "\(test)/blue/red \(index).png")
      }
      try FileManager.default.moveItem(atPath: test + "/blue/0.png", toPath: test + "/red/0.png")
      let output = folder.appendingPathComponent("colours").path
      let options = ["probe", "--model", model, "--train", train, "--test", test, "--output", output, "--folds", "3"]
      let result = try Tool.run(options + ["--json"])
      try #require(result.status == 0, "\(result.errors)")
      let found = try #require(JSONDecoder().decode(Report.self, from: Data(result.output.utf8)).test_accuracy)
      #expect(found.confusion == [[1, 2], [1, 0]] && found.correct == 1 && found.total == 4)
      let text = try Tool.run(options + ["--overwrite"]).output
      #expect(text.contains("test accuracy: 25.00 % (1 of 4)"))
      #expect(text.contains("blue       1       2\nred        1       0\n"), "\(text)")
    }
  }

  /// For more than twelve classes the most frequent confusions are listed. Test pictures are those of training, some in
  /// wrong folders.
  @Test func frequentConfusionsComeFirst() throws {
    try Tool.withFolder { folder in
      let model = try PictureTests.makeModel(in: folder)
      let (train, test) = (folder.appendingPathComponent("train"), folder.appendingPathComponent("test"))
      let classes = (0..<13).map { "k\(10 + $0)" }
      var random = SeededGenerator(seed: 9)
      // Every class is a picture of noise, with more noise added.
      for place in [train, test] {
        for name in classes {
          try FileManager.default.createDirectory(
            at: place.appendingPathComponent(name), withIntermediateDirectories: true)
        }
      }
      for (number, name) in classes.enumerated() {
        let base = (0..<32 * 32 * 3).map { _ in Int(random.next() % 200) }
        for index in 0..<4 {
          let rgb = base.map { UInt8($0 + Int(random.next() % 20)) }
          let picture = try PixelImage(extent: Extent(square: 32), rgb: rgb)
          try ImageFile.writePNG(picture, to: train.appendingPathComponent("\(name)/\(index).png"))
          // Three pictures of the first class are in the folder of the second, one of the third in that of the fourth.
          let wrong = number == 0 && index < 3 ? classes[1] : number == 2 && index < 1 ? classes[3] : name
          try ImageFile.writePNG(picture, to: test.appendingPathComponent("\(wrong)/\(name) \(index).png"))
        }
      }
      let result = try Tool.run([
        "probe", "--model", model, "--train", train.path, "--test", test.path, "--output",
        folder.appendingPathComponent("out").path, "--folds", "4",
      ])
      try #require(result.status == 0, "\(result.errors)")
      let lines = result.output.components(separatedBy: "\n")
      let start = try #require(lines.firstIndex(of: "most frequent confusions:"))
      #expect(
        lines[(start + 1)...].prefix(2) == ["  3 x k11 taken for k10", "  1 x k13 taken for k12"], "\(result.output)")
      #expect(result.output.contains("test accuracy: 92.31 % (48 of 52)"), "\(result.output)")
    }
  }

  @Test func errorsNameTheFaultOfThePictures() throws {
    try Tool.withFolder { folder in
      let model = try PictureTests.makeModel(in: folder)
      let train = try Tool.makePictures(in: folder.appendingPathComponent("train"), count: 3, seed: 3)
      let output = folder.appendingPathComponent("out")
      func probe(_ options: [String]) throws -> (status: Int32, output: String, errors: String) {
        try Tool.run(["probe", "--model", model, "--train", train, "--output", output.path] + options)
      }
      #expect(try probe(["--folds", "1"]).status == 64)
      #expect(try probe(["--batch", "0"]).status == 64)
      let few = try probe([])
      #expect(few.status == 1 && few.errors.contains("'blue' has 3 samples, fewer than the 5 folds"), "\(few.errors)")

      let bad = folder.appendingPathComponent("train/red/x.jpg")
      try Data("no picture".utf8).write(to: bad)
      let unreadable = try probe(["--folds", "2"])
      #expect(unreadable.status == 1 && unreadable.errors.contains(bad.path), "\(unreadable.errors)")
      #expect(!exists(output))
      let skipping = try probe(["--folds", "2", "--skip-unreadable", "--json"])
      try #require(skipping.status == 0, "\(skipping.errors)")
      let report = try JSONDecoder().decode(Report.self, from: Data(skipping.output.utf8))
      #expect(report.train.files == 6 && report.train.skipped.count == 1)
      #expect(report.train.skipped[0].contains(bad.path))

      let other = try Tool.makePictures(in: folder.appendingPathComponent("other"), count: 1, seed: 4)
      try FileManager.default.moveItem(atPath: other + "/red", toPath: other + "/green")
      let unknown = try probe(["--test", other, "--overwrite"])
      #expect(unknown.status == 1 && unknown.errors.contains("'green'"), "\(unknown.errors)")
      let same = try Tool.run(["probe", "--model", model, "--train", train, "--output", model, "--overwrite"])
      #expect(same.status == 1 && same.errors.contains("choose another"), "\(same.errors)")
      let none = try Tool.run(["probe", "--model", model, "--train", train + "/red", "--output", output.path + "2"])
      #expect(none.status == 1 && none.errors.contains("has no folders"), "\(none.errors)")
    }
  }
}
