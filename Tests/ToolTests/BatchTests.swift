import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// Batches with bad files: answers for the others, a line for each bad file, and the exit code.
@Suite struct BatchTests {
  private struct Answer: Decodable {
    var file: String
    var views: Int
  }
  private struct Plan: Decodable { var inputs: Int }

  static let names = ["a.png", "bad.jpg", "c.jpg", "missing.png", "e.png"]

  /// A model and the files above; the second is not a picture and the fourth does not exist.
  static func withBatch(_ body: (_ folder: URL, _ model: String, _ files: [String]) throws -> Void) throws {
    try Tool.withFolder { folder in
      let model = try PictureTests.makeModel(in: folder)
      for (index, name) in names.enumerated() where index % 2 == 0 {
        try picture(index, at: folder.appendingPathComponent(name))
      }
      try Data("no picture".utf8).write(to: folder.appendingPathComponent(names[1]))
      try body(folder, model, names.map { folder.appendingPathComponent($0).path })
    }
  }

  static func picture(_ seed: Int, at url: URL) throws {
    var random = SeededGenerator(seed: UInt64(seed + 1))
    let samples = (0..<20 * 20 * 3).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    let picture = try PixelImage(extent: Extent(square: 20), rgb: samples)
    try ImageFile.writePNG(picture, to: url)
  }

  /// The names of files in a file of features, by row.
  static func rows(_ file: Checkpoint) throws -> [String] {
    try JSONDecoder().decode(
      [String].self, from: #require(file.tensors["files"]).withUnsafeBytes { Data($0) })
  }

  /// The lines that name a bad file.
  private func check(_ errors: String, _ files: [String], sourceLocation: SourceLocation = #_sourceLocation) {
    let lines = Tool.withoutEmulationNotes(errors)
    for bad in [files[1], files[3]] {
      let count = lines.count { $0.hasPrefix("Error: ") && $0.contains(bad) }
      #expect(count == 1, "\(errors)", sourceLocation: sourceLocation)
    }
    let isWhole = lines.count == 3 && lines.last == "2 without an answer, of 5 files"
    #expect(isWhole, "\(errors)", sourceLocation: sourceLocation)
  }

  @Test(arguments: [[], ["--json"], ["--csv"]])
  func classifyAnswersForTheGoodOnes(_ format: [String]) throws {
    try Self.withBatch { folder, model, files in
      let good = [files[0], files[2], files[4]]
      let expected = try Tool.run(["classify", "--model", model] + format + good)
      try #require(expected.status == 0 && expected.errors.isEmpty, "\(expected.errors)")
      for batch in ["1", "2", "8"] {
        let found = try Tool.run(["classify", "--model", model, "--batch", batch] + format + files)
        #expect(found.status == 1 && found.output == expected.output, "\(found.output)")
        check(found.errors, files)
      }
      // The first bad file ends the run; the output is complete.
      let fast = try Tool.run(["classify", "--model", model, "--batch", "1", "--fail-fast"] + format + files)
      let first = try Tool.run(["classify", "--model", model] + format + good.prefix(1))
      #expect(fast.status == 1 && fast.output == first.output)
      #expect(fast.errors.split(separator: "\n").count == 1 && fast.errors.contains(files[1]), "\(fast.errors)")
      let skipping = try Tool.run(["classify", "--model", model, "--skip-unreadable"] + format + files)
      #expect(skipping.status == 0 && skipping.output == expected.output, "\(skipping.errors)")
      #expect(skipping.errors.split(separator: "\n").count { $0.hasPrefix("left out: ") } == 2)
    }
  }

  /// The streamed array is equal to an array that is encoded at once.
  @Test func theArrayIsWhole() throws {
    try Self.withBatch { folder, model, files in
      let one = try Tool.run(["classify", "--model", model, "--json", files[0]]).output
      #expect(one.hasPrefix("[\n  {\n    \"classes\" : [\n      {\n        \"index\" : "), "\(one)")
      #expect(one.hasSuffix("    \"views\" : 1\n  }\n]\n"), "\(one)")
      let all = try Tool.run(["classify", "--model", model, "--json"] + files)
      let answers = try JSONDecoder().decode([Answer].self, from: Data(all.output.utf8))
      #expect(answers.map(\.file) == [files[0], files[2], files[4]])
      let none = try Tool.run(["classify", "--model", model, "--json", files[1]])
      #expect(none.status == 1 && none.output == "[\n\n]\n")
      #expect(none.errors.split(separator: "\n").count == 1 && none.errors.contains(files[1]), "\(none.errors)")
    }
  }

  @Test func featuresHaveRowsOfTheGoodOnesAndTheirNames() throws {
    try Self.withBatch { folder, model, files in
      let good = [files[0], files[2], files[4]]
      let (some, whole) = (folder.appendingPathComponent("some"), folder.appendingPathComponent("whole"))
      let expected = try Tool.run(["features", "--model", model, "--output", whole.path] + good)
      #expect(expected.status == 0 && expected.output == "wrote \(whole.path): features [3, 17, 48], pooled [3, 48]\n")
      let found = try Tool.run(["features", "--model", model, "--batch", "2", "--output", some.path] + files)
      #expect(found.status == 1 && found.output == "wrote \(some.path): features [3, 17, 48], pooled [3, 48]\n")
      check(found.errors, files)
      let (a, b) = (try Checkpoint(contentsOf: some), try Checkpoint(contentsOf: whole))
      #expect(Set(a.tensors.keys) == ["features", "pooled", "files"])
      #expect(try Self.rows(a) == good)
      for name in a.tensors.keys {
        #expect(a.tensors[name]?.shape == b.tensors[name]?.shape)
        let bytes = a.tensors[name]?.withUnsafeBytes { Data($0) }
        #expect(bytes == b.tensors[name]?.withUnsafeBytes { Data($0) }, "\(name)")
      }
      #expect(a.metadata == b.metadata && a.metadata["m2pt.block"] == "final norm")

      // Only pooled features, computed for one token, have the same bits.
      let small = folder.appendingPathComponent("small")
      let pooled = try Tool.run(["features", "--model", model, "--pooled", "--output", small.path] + good)
      #expect(pooled.status == 0 && pooled.output == "wrote \(small.path): pooled [3, 48]\n", "\(pooled.errors)")
      let c = try Checkpoint(contentsOf: small)
      #expect(Set(c.tensors.keys) == ["pooled", "files"])
      #expect(try c.tensors["pooled"]?.float32() == a.tensors["pooled"]?.float32())
      #expect(try Self.rows(c) == good)
      let both = ["--pooled", "--block", "0", "--output", "x"]
      #expect(try Tool.run(["features", "--model", model] + both + [files[0]]).status == 64)

      // Without rows there is no file; a file that was stopped leaves no rows.
      let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      let none = try Tool.run(["features", "--model", model, "--output", folder.path + "/none", files[1]])
      #expect(none.status == 1 && none.errors.contains(files[1]) && none.output.isEmpty, "\(none.errors)")
      let fast = try Tool.run(["features", "--model", model, "--fail-fast", "--output", folder.path + "/none"] + files)
      #expect(fast.status == 1 && fast.errors.split(separator: "\n").count == 1, "\(fast.errors)")
      #expect(Set(try FileManager.default.contentsOfDirectory(atPath: folder.path)) == Set(left))
    }
  }

  @Test func calibrateMeasuresTheGoodOnes() throws {
    try Self.withBatch { folder, model, files in
      let expected = try Tool.run(["calibrate", "--model", model, "--json", files[0], files[2], files[4]])
      let found = try Tool.run(["calibrate", "--model", model, "--json"] + files)
      #expect(expected.status == 0 && found.status == 1 && found.output == expected.output, "\(found.errors)")
      check(found.errors, files)
      #expect(try JSONDecoder().decode(Plan.self, from: Data(found.output.utf8)).inputs == 3)
      let none = try Tool.run(["calibrate", "--model", model, files[1]])
      #expect(none.status == 1 && none.output.isEmpty && none.errors.contains(files[1]))
    }
  }

  /// A probe names all files that it cannot read, and makes no model of the others unless an option says so.
  @Test func probeNamesAllBadFiles() throws {
    try Tool.withFolder { folder in
      let model = try PictureTests.makeModel(in: folder)
      for (label, name) in ["x", "y"].enumerated() {
        let place = folder.appendingPathComponent("train/\(name)")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        for index in 0..<3 { try Self.picture(10 * label + index, at: place.appendingPathComponent("\(index).png")) }
        try Data("no picture".utf8).write(to: place.appendingPathComponent("1b.png"))
      }
      let options = [
        "probe", "--model", model, "--train", folder.path + "/train", "--folds", "2", "--output", folder.path + "/out",
      ]
      let refused = try Tool.run(options)
      #expect(refused.status == 1 && refused.errors.contains("x/1b.png") && refused.errors.contains("y/1b.png"))
      #expect(refused.errors.contains("--skip-unreadable"))
      #expect(!FileManager.default.fileExists(atPath: folder.path + "/out"))
      let fast = try Tool.run(options + ["--fail-fast"])
      #expect(fast.status == 1 && fast.errors.contains("x/1b.png") && !fast.errors.contains("y/1b.png"))
      let skipping = try Tool.run(options + ["--skip-unreadable"])
      #expect(skipping.status == 0 && skipping.output.contains("left out, unreadable: 2"), "\(skipping.errors)")
      #expect(try Tool.run(options + ["--skip-unreadable", "--fail-fast"]).status == 64)
    }
  }

  /// Windows of sound: their number is not known in advance, and a bad file in the middle leaves no row.
  @Test func everyRowOfAWindowHasTheNameOfItsFile() throws {
    try Tool.withFolder { folder in
      let model = try SoundToolTests().makeModel(in: folder)
      let sounds = try [12_000, 20_000].map { samples in
        let file = folder.appendingPathComponent("\(samples).wav")
        try SoundToolTests().noise(samples, rate: 16_000, seed: 3).write(to: file)
        return file.path
      }
      let bad = folder.appendingPathComponent("bad.wav")
      try Data("no sound".utf8).write(to: bad)
      let output = folder.appendingPathComponent("f")
      let found = try Tool.run([
        "features", "--model", model, "--hop", "0.2", "--batch", "3", "--output", output.path, sounds[0], bad.path,
        sounds[1],
      ])
      #expect(found.status == 1 && found.errors.contains(bad.path), "\(found.errors)")
      let file = try Checkpoint(contentsOf: output)
      let names = try Self.rows(file)
      for name in ["features", "pooled"] { #expect(file.tensors[name]?.shape.first == names.count) }
      #expect(Set(names) == Set(sounds) && names.count > 4, "\(names)")
      #expect(names == names.sorted { sounds.firstIndex(of: $0)! < sounds.firstIndex(of: $1)! })
    }
  }

  @Test func aFullDiskIsAnErrorAndLeavesNothing() throws {
    try Self.withBatch { folder, model, files in
      let before = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      let many = (0..<200).map { _ in files[0] }
      let found = try Tool.run(
        ["features", "--model", model, "--output", folder.path + "/f"] + many, fileLimit: 64)
      #expect(found.status == 1 && found.errors.contains("cannot be written"), "\(found.errors)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == before)
      let full = try Tool.run(
        ["classify", "--model", model, files[0]], prefix: ["/bin/sh", "-c", "exec \"$0\" \"$@\" > /dev/full"])
      #expect(full.status != 0 && full.errors.contains("standard output cannot be written"), "\(full.errors)")
    }
  }
}
