import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// Notes on pictures that are read.
@Suite struct ImageNotesTests {
  private func read(_ data: Data) throws -> (image: PixelImage, notes: [MediaNote]) {
    var notes: [MediaNote] = []
    return (try ImageFile.decode(data, name: "picture") { notes.append($0) }, notes)
  }

  /// A chunk with a wrong checksum after the pixels is skipped, as by Pillow, with a note.
  @Test func damagedChunksAfterThePixelsGiveANote() throws {
    let whole = try Data(contentsOf: Fixture.url("images/astronaut.png"))
    let end = try #require(whole.firstRange(of: Data("IEND".utf8))).lowerBound - 4
    let chunk = Data([0, 0, 0, 4]) + Data("eXIf".utf8) + Data([1, 2, 3, 4]) + Data([9, 9, 9, 9])
    let found = try read(whole[..<end] + chunk + whole[end...])
    let plain = try read(whole)
    #expect(found.image == plain.image && plain.notes.isEmpty)
    let text = "a chunk after the pixels is damaged and left out, with what it may say of their orientation"
    #expect(found.notes == [MediaNote(file: "picture", text)])
    // Before the pixels, and in them, it is an error.
    let start = try #require(whole.firstRange(of: Data("IDAT".utf8))).lowerBound - 4
    #expect(throws: MediaError.self) { try read(whole[..<start] + chunk + whole[start...]) }
    var pixels = whole
    pixels[start + 50] ^= 1
    #expect(throws: MediaError.self) { try read(pixels) }
  }

  @Test func damagedPixelsOfAJPEGGiveAWarning() throws {
    var data = try Data(contentsOf: Fixture.url("images/coffee.jpg"))
    #expect(try read(data).notes.isEmpty)
    let middle = data.count / 2
    // An end marker among the pixels.
    data.replaceSubrange(middle..<middle + 2, with: [0xFF, 0xD9])
    let found = try read(data)
    #expect(found.notes.count == 1 && found.notes[0].kind == .warning)
  }

  @Test func picturesAreRecognizedByContent() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (source, name, isPicture) in [
      ("images/cat.jpg", "cat.jfif", true), ("images/cat.jpg", "cat", true), ("images/astronaut.png", "a.txt", true),
      ("audio/tone.wav", "tone.jpg", false), ("video/gif.gif", "gif.png", false),
    ] {
      let file = folder.appendingPathComponent(name)
      try FileManager.default.copyItem(at: Fixture.url(source), to: file)
      #expect(ImageFile.recognizes(file) == isPicture, "\(name)")
      if isPicture { #expect(try ImageFile.read(file) == ImageFile.read(Fixture.url(source))) }
    }
    try Data().write(to: folder.appendingPathComponent("empty.jpg"))
    let link = folder.appendingPathComponent("link")
    try FileManager.default.createSymbolicLink(at: link, withDestinationURL: Fixture.url("images/cat.jpg"))
    #expect(ImageFile.recognizes(link))
    for name in ["empty.jpg", "none.jpg", "."] { #expect(!ImageFile.recognizes(folder.appendingPathComponent(name))) }
  }
}
