import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// One test for each kind of malformed file.
@Suite struct MalformedImageTests {
  private func jpeg() throws -> Data { try Data(contentsOf: Fixture.url("images/cat.jpg")) }
  private func progressive() throws -> Data { try Data(contentsOf: Fixture.url("images/rocket.jpg")) }
  private func png() throws -> Data { try Data(contentsOf: Fixture.url("images/astronaut.png")) }

  private func error(_ data: Data, limits: ImageLimits = ImageLimits()) -> MediaError? {
    #expect(throws: MediaError.self) { try ImageFile.decode(data, name: "picture", limits: limits) }
  }

  @Test func emptyFile() {
    #expect(error(Data()) == .empty(file: "picture"))
  }

  @Test func wrongMagic() {
    #expect(
      error(Data("hello, world".utf8)) == .unrecognized(file: "picture", firstBytes: "68 65 6c 6c 6f 2c 20 77"))
    #expect(error(Data([0xFF])) == .unrecognized(file: "picture", firstBytes: "ff"))
  }

  @Test(arguments: [
    ("GIF89a....", "GIF"), ("RIFF\0\0\0\0WEBPVP8 ", "WebP"), ("\0\0\0\u{18}ftypheic\0\0\0\0", "HEIC"),
    ("\0\0\0\u{18}ftypavif\0\0\0\0", "AVIF"), ("\0\0\0\u{18}ftypisom\0\0\0\0", "MP4"), ("BM......", "BMP"),
    ("II*\0....", "TIFF"), ("%PDF-1.7", "PDF"), ("8BPS....", "Photoshop"), ("PK\u{3}\u{4}", "zip"),
    ("\n  <!DOCTYPE HTML><html>", "HTML"), ("<html><body>", "HTML"), ("<svg xmlns=", "SVG"),
    ("<?xml version='1.0'?><svg>", "SVG"), ("<?xml version='1.0'?><Error>", "XML"),
    ("version https://git-lfs.github.com/spec/v1", "Git LFS"),
  ])
  func unsupportedFormatIsNamed(_ content: String, _ name: String) throws {
    guard case .unsupportedFormat(_, let found)? = error(Data(content.utf8)) else {
      Issue.record("not recognised as \(name)")
      return
    }
    #expect(found.contains(name))
  }

  @Test func truncatedJPEG() throws {
    let whole = try jpeg()
    for fraction in [0.1, 0.5, 0.9] {
      let data = whole.prefix(Int(Double(whole.count) * fraction))
      guard case .truncated? = error(data) else {
        Issue.record("\(fraction) of the file is not found truncated")
        continue
      }
    }
  }

  @Test func truncatedProgressiveJPEG() throws {
    let whole = try progressive()
    guard case .truncated? = error(whole.dropLast(2)) else {
      Issue.record("not found truncated")
      return
    }
  }

  @Test func truncatedPNG() throws {
    let whole = try png()
    for count in [9, 20, 33, whole.count / 2, whole.count - 20] {
      guard case .truncated? = error(whole.prefix(count)) else {
        Issue.record("\(count) bytes of the file are not found truncated")
        continue
      }
    }
  }

  /// All pixels are in the file.
  @Test func missingEndOfPNGIsForgiven() throws {
    let whole = try png()
    #expect(try ImageFile.decode(whole.dropLast(12), name: "picture") == ImageFile.decode(whole, name: "picture"))
  }

  @Test func hugeDeclaredPNG() throws {
    var data = try png()
    data.replaceSubrange(16..<24, with: [0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF])
    let side = 0x7FFF_FFFF
    #expect(
      error(data) == .limitExceeded(file: "picture", quantity: .pixels, found: side * side, limit: 178_956_970))
  }

  @Test func hugeDeclaredJPEG() throws {
    var data = try jpeg()
    let frame = try #require(data.firstRange(of: [0xFF, 0xC0, 0x00, 0x11, 0x08])?.upperBound)
    data.replaceSubrange(frame..<(frame + 4), with: [0xFF, 0xDC, 0xFF, 0xDC])
    #expect(
      error(data) == .limitExceeded(file: "picture", quantity: .pixels, found: 65500 * 65500, limit: 178_956_970))
  }

  @Test func pixelLimit() throws {
    let limits = ImageLimits(pixels: 200 * 300 - 1)
    #expect(
      try error(jpeg(), limits: limits)
        == .limitExceeded(file: "picture", quantity: .pixels, found: 60000, limit: 59999))
    let enough = ImageLimits(pixels: 60000)
    #expect(throws: Never.self) { try ImageFile.decode(try jpeg(), name: "picture", limits: enough) }
  }

  @Test func tooManyScans() throws {
    guard
      case .limitExceeded(_, .scans, let found?, limit: 3)? = try error(progressive(), limits: ImageLimits(scans: 3))
    else {
      Issue.record("the scans are not counted")
      return
    }
    #expect(found == 4)
  }

  @Test func decoderMemoryLimit() throws {
    let (less, least) = (ImageLimits(decoderBytes: 50_000), ImageLimits(decoderBytes: 500))
    guard case .limitExceeded(_, .decoderBytes, _, limit: 50_000)? = try error(progressive(), limits: less) else {
      Issue.record("the coefficients of a progressive JPEG are not counted")
      return
    }
    guard case .limitExceeded(_, .decoderBytes, _, limit: 500)? = try error(png(), limits: least) else {
      Issue.record("the rows of a PNG are not counted")
      return
    }
  }

  @Test func badChecksum() throws {
    var data = try png()
    data[40] ^= 1
    guard case .damaged(_, let finding)? = error(data) else {
      Issue.record("not found damaged")
      return
    }
    #expect(finding.contains("CRC"))
  }

  @Test func brokenHuffmanTable() throws {
    var data = try jpeg()
    let table = try #require(data.firstRange(of: [0xFF, 0xC4])?.upperBound)
    data.replaceSubrange((table + 3)..<(table + 19), with: [UInt8](repeating: 0xFF, count: 16))
    guard case .damaged? = error(data) else {
      Issue.record("not found damaged")
      return
    }
  }

  @Test func twoComponentJPEG() throws {
    // The header of a JPEG with two components; nothing after it is read.
    let header: [UInt8] =
      [0xFF, 0xD8, 0xFF, 0xC0, 0x00, 0x0E, 0x08, 0x00, 0x08, 0x00, 0x08, 0x02, 0x01, 0x11, 0x00, 0x02, 0x11, 0x00]
      + [0xFF, 0xDA, 0x00, 0x0A, 0x02, 0x01, 0x00, 0x02, 0x00, 0x00, 0x3F, 0x00]
    guard case .unsupportedVariant(_, let finding)? = error(Data(header)) else {
      Issue.record("not found unsupported")
      return
    }
    #expect(finding.contains("components"))
  }

  @Test func losslessJPEG() throws {
    var data = try jpeg()
    let frame = try #require(data.firstRange(of: [0xFF, 0xC0])?.lowerBound)
    data[frame + 1] = 0xC3
    guard case .unsupportedVariant? = error(data) else {
      Issue.record("not found unsupported")
      return
    }
  }

  @Test func fileSizeLimit() {
    let file = Fixture.url("images/cat.jpg")
    let error = #expect(throws: MediaError.self) { try ImageFile.read(file, limits: ImageLimits(fileBytes: 1000)) }
    guard case .limitExceeded(file.path, .fileBytes, 14049, limit: 1000)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func missingFileAndDirectory() {
    let missing = URL(fileURLWithPath: "/nowhere/picture.jpg")
    let directory = FileManager.default.temporaryDirectory
    for file in [missing, directory] {
      let error = #expect(throws: MediaError.self) { try ImageFile.read(file) }
      guard case .unreadable? = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
  }

  @Test func errorsSayHowToFixThem() throws {
    let descriptions = [
      try #require(error(Data())).description,
      try #require(error(jpeg().prefix(5000))).description,
      try #require(error(jpeg(), limits: ImageLimits(pixels: 10))).description,
    ]
    #expect(descriptions[0] == "picture: the file is empty; expected a JPEG or PNG image")
    #expect(
      descriptions[1]
        == "picture: the file is truncated: the data end before the image does; download or copy it again")
    #expect(descriptions[2] == "picture: 60000 pixels, limit 10; raise ImageLimits.pixels if the file is trusted")
  }
}
