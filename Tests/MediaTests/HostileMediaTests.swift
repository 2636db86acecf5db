import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// Files that declare more than they have, or that would cost far more than their size.
@Suite struct HostileMediaTests {
  private func big(_ number: Int, _ bytes: Int = 4) -> Data {
    Data((0..<bytes).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * $0)) })
  }

  // MARK: - JPEG

  /// A decoder that walks the list of segments again for each of them would need an hour.
  @Test func aMillionEmptySegments() throws {
    let whole = try Data(contentsOf: Fixture.url("images/cat.jpg"))
    let empty = Data([0xFF, 0xE1, 0, 2])
    var data = whole.prefix(2)
    for _ in 0..<1_000_000 { data += empty }
    data += whole.dropFirst(2)
    #expect(try ImageFile.decode(data, name: "picture") == ImageFile.decode(whole, name: "picture"))
    // A segment that the file ends in, and one whose length is shorter than the length field.
    #expect(throws: MediaError.truncated(file: "cut", finding: "the data end before the image does")) {
      try ImageFile.decode(whole.prefix(2) + [0xFF, 0xE1, 0xFF, 0xFF, 1], name: "cut")
    }
    let short = whole.prefix(2) + [0xFF, 0xE1, 0, 1] + whole.dropFirst(2)
    #expect(try ImageFile.decode(short, name: "picture") == ImageFile.decode(whole, name: "picture"))
  }

  // MARK: - PNG

  private func chunk(_ name: String, _ content: Data, length: Int? = nil) -> Data {
    let body = Data(name.utf8) + content
    var sum: UInt32 = ~0
    for byte in body {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
    }
    return big(length ?? content.count) + body + big(Int(~sum))
  }

  /// The fixture with chunks before its pixels, or after them.
  private func astronaut(_ chunks: Data, afterPixels: Bool = false) throws -> Data {
    let whole = try Data(contentsOf: Fixture.url("images/astronaut.png"))
    let place = try #require(whole.firstRange(of: Data((afterPixels ? "IEND" : "IDAT").utf8))).lowerBound - 4
    return whole[..<place] + chunks + whole[place...]
  }

  /// 9 million bytes of 0 in zlib's format, stored once and repeated by references.
  private func zeros() throws -> Data {
    // Deflate, fixed codes: a literal 0, then pairs of length 258 (code 285) and distance 1, then the end.
    var bits: [Bool] = []
    func huffman(_ code: Int, _ count: Int) { for bit in (0..<count).reversed() { bits.append(code >> bit & 1 == 1) } }
    bits += [true, true, false]
    huffman(0x30, 8)
    for _ in 0..<35_000 {
      huffman(0xC5, 8)
      huffman(0, 5)
    }
    huffman(0, 7)
    var data = Data([0x78, 0x9C])
    for start in stride(from: 0, to: bits.count, by: 8) {
      data.append(
        bits[start..<min(start + 8, bits.count)].enumerated().reduce(0) { $0 | ($1.1 ? 1 << UInt8($1.0) : 0) })
    }
    // Adler-32 of zeros: 1, and their number, modulo 65,521.
    return data + big((1 + 258 * 35_000) % 65_521, 2) + big(1, 2)
  }

  @Test func textsWithoutAnOrientationAreIgnored() throws {
    let plain = try ImageFile.decode(astronaut(Data()), name: "picture")
    let long = try chunk("zTXt", Data("Comment\0\0".utf8) + zeros())
    var many = Data()
    for index in 0..<400 { many += chunk("tEXt", Data("Comment \(index)\0some text".utf8)) }
    for chunks in [
      long + long + many, chunk("iTXt", Data("XML:com.adobe.xmp\0".utf8)), chunk("zTXt", Data([65, 0, 9])),
    ] {
      var notes: [MediaNote] = []
      #expect(try ImageFile.decode(astronaut(chunks), name: "picture") { notes.append($0) } == plain)
      #expect(try ImageFile.decode(astronaut(chunks, afterPixels: true), name: "picture") { notes.append($0) } == plain)
      #expect(notes.isEmpty)
    }
  }

  @Test(arguments: [false, true])
  func theLastTextWithAnOrientationCounts(_ afterPixels: Bool) throws {
    let plain = try ImageFile.decode(astronaut(Data()), name: "picture")
    func text(_ orientation: Int) -> Data { Data("<x tiff:Orientation=\"\(orientation)\"/>".utf8) }
    func stored(_ text: Data) -> Data {
      // Zlib's format with one stored block.
      let (a, b) = text.reduce((1, 0)) { sum, byte in
        let a = (sum.0 + Int(byte)) % 65_521
        return (a, (sum.1 + a) % 65_521)
      }
      let length = Data([UInt8(text.count), 0, ~UInt8(text.count), 255])
      return Data([0x78, 1, 1]) + length + text + big(b, 2) + big(a, 2)
    }
    let name = Data("XML:com.adobe.xmp\0".utf8)
    let first = chunk("iTXt", name + Data([0, 0]) + Data("en\0title\0".utf8) + text(6))
    let second = chunk("iTXt", name + Data([1, 0, 0, 0]) + stored(text(3)))
    let turned = try ImageFile.decode(astronaut(first + second, afterPixels: afterPixels), name: "picture")
    #expect(turned == plain.upright(from: .bottomRight))
    let other = try ImageFile.decode(astronaut(second + first, afterPixels: afterPixels), name: "picture")
    #expect(other == plain.upright(from: .rightTop))
    // Exif data take precedence.
    let exif = chunk(
      "eXIf", Data("MM\0*".utf8) + big(8) + big(1, 2) + big(274, 2) + big(3, 2) + big(1) + big(8, 2) + big(0, 6))
    let both = try ImageFile.decode(astronaut(exif + first, afterPixels: afterPixels), name: "picture")
    #expect(both == plain.upright(from: .leftBottom))
  }

  /// Pillow takes an orientation of any integer type, and ignores texts and byte strings.
  @Test(arguments: [(3, 2), (4, 4), (6, 1), (8, 2), (9, 4), (13, 4), (1, 1), (2, 1), (7, 1)])
  func orientationsMayBeOfAnyIntegerType(_ type: Int, _ bytes: Int) throws {
    let plain = try ImageFile.decode(astronaut(Data()), name: "picture")
    let entry = big(274, 2) + big(type, 2) + big(1) + big(6, bytes) + big(0, 8 - bytes)
    let exif = chunk("eXIf", Data("MM\0*".utf8) + big(8) + big(1, 2) + entry)
    let found = try ImageFile.decode(astronaut(exif), name: "picture")
    #expect(found == plain.upright(from: [1, 2, 7].contains(type) ? .topLeft : .rightTop), "type \(type)")
  }

  @Test func aCompressedTextThatIsFarLongerIsLeftOutWithANote() throws {
    let chunks = try chunk("zTXt", Data("XML:com.adobe.xmp\0\0".utf8) + zeros())
    var notes: [MediaNote] = []
    let found = try ImageFile.decode(astronaut(chunks, afterPixels: true), name: "picture") { notes.append($0) }
    #expect(try found == ImageFile.decode(astronaut(Data()), name: "picture"))
    #expect(
      notes == [
        MediaNote(
          file: "picture",
          "a chunk after the pixels is damaged and left out, with what it may say of their orientation")
      ])
  }

  // MARK: - MP4

  /// The fault of a fixture in which numbers are changed, given by their offset after the name of a box.
  private func fault(_ file: String, _ box: String, _ changes: [Int: Int]) throws -> String? {
    var data = try Data(contentsOf: Fixture.url("video/\(file)"))
    let place = try #require(data.firstRange(of: Data(box.utf8))).upperBound
    for (offset, value) in changes { data.replaceSubrange(place + offset..<place + offset + 4, with: big(value)) }
    return try videoFault(data, "mp4")
  }

  @Test func sampleTablesAreComparedWithTheFile() throws {
    #expect(try fault("h264.mp4", "stsz", [:]) == nil)
    #expect(try fault("pieces/fragments.mp4", "trun", [:]) == nil)
    let size = try Data(contentsOf: Fixture.url("video/h264.mp4")).count
    let fragmented = try Data(contentsOf: Fixture.url("video/pieces/fragments.mp4")).count
    let count = 44_000_000
    // One size for all samples, then their number.
    #expect(
      try fault("h264.mp4", "stsz", [4: 1, 8: count])
        == "it declares \(count) samples but has \(size) bytes")
    #expect(
      try fault("h264.mp4", "stsz", [4: 1 << 20, 8: 100])
        == "it declares 100 samples of 1048576 bytes but has \(size) bytes")
    // Bits of an entry, and bytes that the fixture has for its entries.
    for (box, offset, bits, room) in [
      ("stsz", 8, 32, 80), ("stts", 4, 64, 8), ("stsc", 4, 96, 12), ("stco", 4, 32, 4), ("stss", 4, 32, 12),
      ("ctts", 4, 64, 88), ("elst", 4, 96, 12),
    ] {
      #expect(
        try fault("h264.mp4", box, [offset: count])
          == "its table '\(box)' declares \(count) entries of \(bits) bits but has \(room) bytes")
    }
    #expect(
      try fault("pieces/fragments.mp4", "trun", [4: count])
        == "its table 'trun' declares \(count) entries of 64 bits but has 64 bytes")
    // Without a field for each sample: all are left to defaults.
    #expect(
      try fault("pieces/fragments.mp4", "trun", [0: 0, 4: count])
        == "it declares \(count) samples but has \(fragmented) bytes")
  }

  /// A chunk in the header of an AVI file that declares more bytes than follow.
  @Test func headersOfAVIAreComparedWithTheFile() throws {
    var data = try Data(contentsOf: Fixture.url("video/mpeg4.avi"))
    let place = try #require(data.firstRange(of: Data("strf".utf8))).upperBound
    data.replaceSubrange(place..<place + 4, with: Data(big(300_000_000).reversed()))
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).avi")
    defer { try? FileManager.default.removeItem(at: url) }
    try data.write(to: url)
    let finding = "its chunk 'strf' declares 300000000 bytes but \(data.count - place - 4) follow"
    #expect(throws: VideoError.truncated(file: url.path, finding: finding)) { try VideoFile(url) }
  }

  // MARK: - Matroska, FLV

  private func joined(_ parts: Data...) -> Data { parts.reduce(Data(), +) }

  private func videoFault(_ data: Data, _ ending: String) throws -> String? {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).\(ending)")
    defer { try? FileManager.default.removeItem(at: url) }
    try data.write(to: url)
    do {
      _ = try VideoFile(url)
      return nil
    } catch VideoError.damaged(_, let finding) {
      return finding
    } catch VideoError.truncated(_, let finding) {
      return "truncated: \(finding)"
    } catch {
      return "\(error)"
    }
  }

  private func element(_ id: [UInt8], _ content: Data, length: Int? = nil) -> Data {
    joined(Data(id), Data([1]), big(length ?? content.count, 7), content)
  }

  @Test func tracksOfMatroskaAreBounded() throws {
    let whole = try Data(contentsOf: Fixture.url("video/ffv1.mkv"))
    #expect(try videoFault(whole, "mkv") == nil)
    let header = element([0x1A, 0x45, 0xDF, 0xA3], element([0x42, 0x82], Data("matroska".utf8)))
    func file(_ tracks: Data, gap: Int = 0) -> Data {
      let body = Data(repeating: 0xFF, count: gap) + element([0x16, 0x54, 0xAE, 0x6B], tracks)
      return header + element([0x18, 0x53, 0x80, 0x67], body)
    }
    // Entries of 2 bytes each, also after damage.
    var many = Data()
    for _ in 0..<30_000 { many += [0xAE, 0x80] }
    for gap in [0, 100] { #expect(try videoFault(file(many, gap: gap), "mkv") == "it describes more than 64 tracks") }
    let claim = element([0xAE], element([0x63, 0xA2], Data([1, 2, 3]), length: 200_000_000))
    #expect(
      try videoFault(file(claim), "mkv") == "an element of a track description declares 200000000 bytes but 3 follow")
    let start = element([0x42, 0x55], Data(repeating: 65, count: 30_000))
    let encoding = element([0x6D, 0x80], element([0x62, 0x40], element([0x50, 0x34], start)))
    #expect(
      try videoFault(file(element([0xAE], encoding)), "mkv")
        == "30000 bytes are removed from every frame, expected at most 256")
    // Descriptions of unknown length, each containing the next ones.
    var nested = header + element([0x18, 0x53, 0x80, 0x67], Data())
    for _ in 0..<20_000 { nested += Data([0x16, 0x54, 0xAE, 0x6B, 0xFF]) }
    #expect(try videoFault(nested, "mkv") == "truncated: it ends inside its header")
  }

  @Test func indexesOfFLVAreComparedWithTheFile() throws {
    #expect(try videoFault(Data(contentsOf: Fixture.url("video/pieces/h264.flv")), "flv") == nil)
    func text(_ name: String) -> Data { big(name.utf8.count, 2) + Data(name.utf8) }
    for name in ["times", "filepositions"] {
      let index = joined(
        Data([2]), text("onMetaData"), Data([8]), big(1), text("keyframes"), Data([3]), text(name), Data([10]),
        big(33_000_000), Data(count: 90))
      let tag = joined(Data([18]), big(index.count, 3), Data(count: 7), index, big(index.count + 11))
      let file = joined(Data("FLV".utf8), Data([1, 1]), big(9), big(0), tag)
      #expect(try videoFault(file, "flv") == "its index '\(name)' declares 33000000 entries but 94 bytes follow")
    }
  }

  /// Resampling from a very low rate would make thousands of samples of each.
  @Test func slowSoundIsNotResampled() throws {
    func wave(_ rate: Int) -> Data {
      func little(_ number: Int, _ bytes: Int = 4) -> Data { Data(big(number, bytes).reversed()) }
      return joined(
        Data("RIFF".utf8), little(36 + 4000), Data("WAVEfmt ".utf8), little(16), little(1, 2), little(1, 2),
        little(rate),
        little(rate), little(1, 2), little(8, 2), Data("data".utf8), little(4000),
        Data((0..<4000).map { UInt8(truncatingIfNeeded: $0 * 7) }))
    }
    #expect(try AudioFile.decode(wave(1000), name: "", rate: 16_000, resamples: true).samples.count == 64_000)
    for rate in [1, 999] {
      #expect(
        throws: AudioFileError.unsupportedVariant(
          file: "slow",
          finding: "\(rate) samples a second, expected at least 1000 to resample; correct its header")
      ) { try AudioFile.decode(wave(rate), name: "slow", rate: 16_000, resamples: true) }
      #expect(try AudioFile.decode(wave(rate), name: "slow").rate == rate)
    }
  }
}
