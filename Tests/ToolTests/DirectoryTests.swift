import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// The choice of files in a directory, and the note on the others.
@Suite struct DirectoryTests {
  private struct Answer: Decodable { var file: String }

  private func classify(
    _ model: String, _ paths: [String]
  ) throws -> (names: [String], status: Int32, errors: String) {
    let run = try Tool.run(["classify", "--model", model, "--json"] + paths)
    let answers = try JSONDecoder().decode([Answer].self, from: Data(run.output.utf8))
    return (answers.map { URL(fileURLWithPath: $0.file).lastPathComponent }, run.status, run.errors)
  }

  @Test func picturesAreRecognizedByContent() throws {
    try Tool.withFolder { folder in
      let model = try PictureTests.makeModel(in: folder)
      let place = folder.appendingPathComponent("photographs")
      try FileManager.default.createDirectory(
        at: place.appendingPathComponent("more"), withIntermediateDirectories: true)
      let jpeg = try Data(contentsOf: Fixture.url("images/cat.jpg"))
      let png = try Data(contentsOf: Fixture.url("images/coffee.jpg"))
      for name in ["a.jfif", "b", "c.JPG", "d.txt", "e.png", ".hidden.jpg"] {
        try (name == "b" ? png : jpeg).write(to: place.appendingPathComponent(name))
      }
      try Data("RIFF\u{4}\0\0\0WEBPVP8 ".utf8).write(to: place.appendingPathComponent("f.webp"))
      try Data("RIFF\u{4}\0\0\0WEBPVP8 ".utf8).write(to: place.appendingPathComponent("g.webp"))
      try Data("words".utf8).write(to: place.appendingPathComponent("README"))
      try Data().write(to: place.appendingPathComponent("empty.dat"))
      #expect(mkfifo(place.appendingPathComponent("pipe").path, 0o600) == 0)
      let found = try classify(model, [place.path])
      #expect(found.names == ["a.jfif", "b", "c.JPG", "d.txt", "e.png"] && found.status == 0)
      let note = "note: 6 entries of directories not read: 2 .webp, 2 without an ending, 1 .dat, 1 folder\n"
      #expect(found.errors == note, "\(found.errors)")
      // Two directories, one line.
      let twice = try classify(model, [place.path, place.path])
      #expect(twice.names.count == 10 && twice.errors.split(separator: "\n").count == 1, "\(twice.errors)")
      // A file with the name of a picture that is not one gives an error, it is not skipped.
      try Data("RIFF\u{4}\0\0\0WEBPVP8 ".utf8).write(to: place.appendingPathComponent("h.jpg"))
      let lying = try classify(model, [place.path])
      #expect(lying.names.count == 5 && lying.status == 1 && lying.errors.contains("h.jpg: "), "\(lying.errors)")
    }
  }

  @Test func argumentsThatNameNoFileAreErrors() throws {
    try Tool.withFolder { folder in
      let model = try PictureTests.makeModel(in: folder)
      let good = Fixture.url("images/cat.jpg").path
      let empty = folder.appendingPathComponent("empty")
      try FileManager.default.createDirectory(at: empty, withIntermediateDirectories: true)
      let found = try classify(model, [empty.path, folder.path + "/*.xyz", good])
      #expect(found.names == ["cat.jpg"] && found.status == 1)
      let lines = found.errors.split(separator: "\n")
      #expect(lines.contains { $0.contains("\(empty.path): a directory without .jpg") }, "\(found.errors)")
      #expect(lines.contains { $0.contains("*.xyz: no file has such a name") }, "\(found.errors)")
      let fast = try Tool.run(["classify", "--model", model, "--fail-fast", empty.path, good])
      #expect(fast.status == 1 && fast.output.isEmpty && fast.errors.contains(empty.path), "\(fast.errors)")
      let pattern = try classify(model, [Fixture.url("images").path + "/c*.jp?"])
      #expect(pattern.names == ["cat.jpg", "coffee.jpg"] && pattern.status == 0 && pattern.errors.isEmpty)
    }
  }

  /// One note for all folders of a probe.
  @Test func foldersOfClassesGiveOneNote() throws {
    try Tool.withFolder { folder in
      let model = try PictureTests.makeModel(in: folder)
      for (label, name) in ["x", "y", "z"].enumerated() {
        let place = folder.appendingPathComponent("train/\(name)")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        for index in 0..<2 { try BatchTests.picture(10 * label + index, at: place.appendingPathComponent("\(index)")) }
        try Data("words".utf8).write(to: place.appendingPathComponent("notes.txt"))
      }
      let found = try Tool.run([
        "probe", "--model", model, "--train", folder.path + "/train", "--folds", "2", "--output", folder.path + "/out",
      ])
      #expect(found.status == 0 && found.output.contains("training: 6 pictures"), "\(found.errors)")
      #expect(found.errors == "note: 3 entries of directories not read: 3 .txt\n", "\(found.errors)")
    }
  }
}
