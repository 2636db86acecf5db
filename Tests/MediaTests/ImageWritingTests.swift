import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

@Suite struct ImageWritingTests {
  private func withDirectory(_ body: (URL) throws -> Void) throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    try body(directory)
  }

  @Test func writtenPixelsAreReadBack() throws {
    let photo = try ImageFile.read(Fixture.url("images/coffee.jpg"))
    try withDirectory { directory in
      let file = directory.appendingPathComponent("out.png")
      for size in [Extent(square: 1), Extent(height: 1, width: 77), Extent(height: 91, width: 2), photo.extent] {
        let image = try photo.resized(to: size, filter: .bicubic)
        try ImageFile.writePNG(image, to: file)
        #expect(try ImageFile.read(file) == image)
      }
    }
  }

  @Test func samePixelsSameBytes() throws {
    let photo = try ImageFile.read(Fixture.url("images/cat.jpg"))
    #expect(try ImageFile.encodePNG(photo) == ImageFile.encodePNG(photo))
  }

  @Test func replacesAFileAndLeavesNothingElse() throws {
    let photo = try ImageFile.read(Fixture.url("images/astronaut.png"))
    try withDirectory { directory in
      let file = directory.appendingPathComponent("out.png")
      try Data("old".utf8).write(to: file)
      try ImageFile.writePNG(photo, to: file)
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["out.png"])
      #expect(try ImageFile.read(file) == photo)
    }
  }

  @Test func failureLeavesNothing() throws {
    let photo = try ImageFile.read(Fixture.url("images/astronaut.png"))
    try withDirectory { directory in
      // A directory cannot be replaced by a file.
      let file = directory.appendingPathComponent("out.png")
      try FileManager.default.createDirectory(at: file, withIntermediateDirectories: true)
      #expect(throws: CheckpointError.self) { try ImageFile.writePNG(photo, to: file) }
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["out.png"])
      let missing = directory.appendingPathComponent("missing/out.png")
      #expect(throws: CheckpointError.self) { try ImageFile.writePNG(photo, to: missing) }
    }
  }
}
