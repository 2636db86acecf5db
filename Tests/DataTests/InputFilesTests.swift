import Foundation
import MultimodalPathway
import PathwayData
import PathwayMedia
import TestSupport
import Testing

/// The files that paths name, and the notes on other entries.
@Suite struct InputFilesTests {
  private func pictures() throws -> any FrontEnd {
    try Inputs.pictureModel().frontEnd(engine: Engine(threads: 1))
  }

  private func found(_ paths: [String]) throws -> InputFiles {
    var files = InputFiles(try pictures())
    for path in paths { files.add(path) }
    return files
  }

  @Test func picturesOfADirectoryAreFoundByNameOrContent() throws {
    try Inputs.withFolder { folder in
      let more = folder.appendingPathComponent("more")
      try FileManager.default.createDirectory(at: more, withIntermediateDirectories: true)
      let jpeg = try Data(contentsOf: Fixture.url("images/cat.jpg"))
      for name in ["b", "a.jfif", "c.JPG", "d.txt", ".hidden.jpg"] {
        try jpeg.write(to: folder.appendingPathComponent(name))
      }
      for name in ["f.webp", "g.webp", "README", "empty.dat", "h.jpg"] {
        try Data("words".utf8).write(to: folder.appendingPathComponent(name))
      }
      #expect(mkfifo(folder.appendingPathComponent("pipe").path, 0o600) == 0)
      let files = try found([folder.path])
      let names = files.paths.map { URL(fileURLWithPath: $0).lastPathComponent }
      // h.jpg has the name of a picture: reading it gives an error, it is not skipped.
      #expect(names == ["a.jfif", "b", "c.JPG", "d.txt", "h.jpg"] && files.failures.isEmpty)
      #expect(files.unread == ["folder": 1, ".webp": 2, ".dat": 1, "without an ending": 2])
    }
  }

  @Test func patternsMatchAndPathsOfNoFileStay() throws {
    let images = Fixture.url("images").path
    let files = try found([images + "/c*.jp?", "no such file.png"])
    #expect(files.paths == [images + "/cat.jpg", images + "/coffee.jpg", "no such file.png"])
    #expect(files.failures.isEmpty && files.unread.isEmpty)
  }

  /// A path that is both a file and a pattern names the file.
  @Test func namesWithAnAsteriskAreFiles() throws {
    try Inputs.withFolder { folder in
      for name in ["a*.png", "ab.png"] {
        try Inputs.writePicture(1, to: folder.appendingPathComponent(name))
      }
      #expect(try found([folder.path + "/a*.png"]).paths == [folder.path + "/a*.png"])
    }
  }

  @Test func pathsThatNameNoFileAreFailures() throws {
    try Inputs.withFolder { folder in
      let files = try found([folder.path, folder.path + "/*.xyz"])
      #expect(files.paths.isEmpty)
      #expect(
        files.failures == [
          .noFiles(directory: folder.path, extensions: ["jpg", "jpeg", "png"]),
          .noMatch(pattern: folder.path + "/*.xyz"),
        ])
      #expect(files.failures[0].description.hasSuffix(": a directory without .jpg, .jpeg or .png files"))
    }
  }

  private func withClasses(_ body: (URL) throws -> Void) throws {
    try Inputs.withFolder { folder in
      for (seed, name) in ["y/0", "x/1", "x/0"].enumerated() {
        let file = folder.appendingPathComponent(name + ".png")
        try FileManager.default.createDirectory(
          at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Inputs.writePicture(UInt64(seed), to: file)
      }
      try Data("words".utf8).write(to: folder.appendingPathComponent("x/notes.txt"))
      try Data("words".utf8).write(to: folder.appendingPathComponent("README"))
      try body(folder)
    }
  }

  @Test func foldersAreClassesInTheOrderOfTheirNames() throws {
    try withClasses { folder in
      let found = try ClassFolders(folder.path, pictures())
      #expect(found.classes == ["x", "y"] && found.labels == [0, 0, 1])
      #expect(found.paths == ["x/0.png", "x/1.png", "y/0.png"].map { folder.path + "/" + $0 })
      #expect(found.unread == [".txt": 1])
    }
  }

  @Test func expectedClassesGiveTheLabels() throws {
    try withClasses { folder in
      let found = try ClassFolders(folder.path, pictures(), expecting: ["z", "y", "x"])
      #expect(found.classes == ["z", "y", "x"] && found.labels == [2, 2, 1])
      #expect(throws: DataError.unknownClass(directory: folder.path, found: "y", expected: ["x"])) {
        try ClassFolders(folder.path, pictures(), expecting: ["x"])
      }
    }
  }

  @Test func directoriesWithoutClassesAreErrors() throws {
    try withClasses { folder in
      let x = folder.path + "/x"
      #expect(throws: DataError.noClassFolders(directory: x)) { try ClassFolders(x, pictures()) }
      let empty = folder.appendingPathComponent("w").path
      try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: true)
      #expect(throws: DataError.noFiles(directory: empty, extensions: ["jpg", "jpeg", "png"])) {
        try ClassFolders(folder.path, pictures())
      }
      let error = #expect(throws: DataError.self) { try ClassFolders(folder.path + "/none", pictures()) }
      guard case .unlistable(folder.path + "/none", _) = error else {
        Issue.record("\(error as Any)")
        return
      }
    }
  }
}
