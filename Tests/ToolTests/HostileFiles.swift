import Foundation
import TestSupport

/// Files of some kilobytes that demand far more of a reader: counts, lengths and sizes without data, or thousands of
/// elements of a few bytes.
struct HostileFile: Sendable {
  /// The reader of the file.
  enum Reader: String, Sendable, CaseIterable { case picture, video, sound, points, checkpoint, labels }

  let reader: Reader
  /// The name with its extension.
  let name: String
  let bytes: Data

  init(_ reader: Reader, _ name: String, _ parts: Data...) {
    (self.reader, self.name) = (reader, name)
    bytes = parts.reduce(Data(), +)
  }

  static func all() throws -> [HostileFile] {
    try pictures() + matroska() + videos() + sounds() + points() + checkpoints()
  }

  // MARK: - Parts

  private static func joined(_ parts: Data...) -> Data { parts.reduce(Data(), +) }

  private static func big(_ number: Int, _ bytes: Int = 4) -> Data {
    Data((0..<bytes).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * $0)) })
  }
  private static func little(_ number: Int, _ bytes: Int = 4) -> Data { Data(big(number, bytes).reversed()) }
  private static func text(_ text: String) -> Data { Data(text.utf8) }
  private static func times(_ count: Int, _ data: Data) -> Data {
    var all = Data(capacity: count * data.count)
    for _ in 0..<count { all += data }
    return all
  }
  private static func fixture(_ name: String) throws -> Data { try Data(contentsOf: Fixture.url(name)) }

  /// The fixture with `bytes` at `offset` after the first occurrence of `mark`.
  private static func changed(_ name: String, after mark: String, _ offset: Int, _ bytes: Data) throws -> Data {
    var data = try fixture(name)
    guard let place = data.firstRange(of: text(mark))?.upperBound else { return data }
    data.replaceSubrange(place + offset..<place + offset + bytes.count, with: bytes)
    return data
  }

  // MARK: - Readers

  private static func pictures() throws -> [HostileFile] {
    let png = try fixture("images/astronaut.png").prefix(33)
    // A frame of 13,000 x 13,000 with one scan without data.
    let frame = joined(
      Data([0xFF, 0xC0, 0, 17, 8]), big(13_000, 2), big(13_000, 2), Data([3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0]))
    return [
      HostileFile(.picture, "text.png", png, big(0x7FFF_FFFF), text("iTXt"), times(96, Data([65]))),
      HostileFile(.picture, "many.png", png, times(5000, joined(big(0), text("IDAT"), big(0x35AF_061E)))),
      HostileFile(.picture, "segments.jpg", Data([0xFF, 0xD8]), times(16_000, Data([0xFF, 0xE1, 0, 2]))),
      HostileFile(
        .picture, "tables.jpg", Data([0xFF, 0xD8]), times(3000, Data([0xFF, 0xC4, 0, 19]) + Data(count: 17))),
      HostileFile(.picture, "frame.jpg", Data([0xFF, 0xD8]), frame),
    ]
  }

  private static func element(_ id: [UInt8], _ content: Data, length: Int? = nil) -> Data {
    joined(Data(id), Data([1]), big(length ?? content.count, 7), content)
  }

  private static func matroska() -> [HostileFile] {
    func file(_ parts: Data...) -> Data {
      element([0x1A, 0x45, 0xDF, 0xA3], element([0x42, 0x82], text("matroska")))
        + element([0x18, 0x53, 0x80, 0x67], parts.reduce(Data(), +))
    }
    func tracks(_ encodings: Data) -> Data {
      let size = element([0xE0], joined(element([0xB0], big(64, 2)), element([0xBA], big(48, 2))))
      let codec = joined(
        element([0x86], text("V_MPEG4/ISO/ASP")), element([0x83], Data([1])), element([0xD7], Data([1])))
      return element([0x16, 0x54, 0xAE, 0x6B], element([0xAE], joined(codec, size, encodings)))
    }
    let start = joined(element([0x42, 0x54], Data([3])), element([0x42, 0x55], Data(repeating: 65, count: 30_000)))
    let stripped = element([0x6D, 0x80], element([0x62, 0x40], element([0x50, 0x34], start)))
    // A block of 256 frames without a byte.
    let laced = element([0xA3], joined(Data([0x81, 0, 0, 0x82, 0xFF]), Data(count: 255)))
    let chapters = element([0x45, 0xB9], times(25_000, Data([0xB6, 0x80])))
    return [
      HostileFile(.video, "tracks.mkv", file(element([0x16, 0x54, 0xAE, 0x6B], times(30_000, Data([0xAE, 0x80]))))),
      HostileFile(.video, "frames.mkv", file(tracks(stripped), element([0x1F, 0x43, 0xB6, 0x75], times(110, laced)))),
      HostileFile(.video, "chapters.mkv", file(tracks(Data()), element([0x10, 0x43, 0xA7, 0x70], chapters))),
      HostileFile(
        .video, "attached.mkv",
        file(tracks(Data()), element([0x19, 0x41, 0xA4, 0x69], times(20_000, Data([0x61, 0xA7, 0x80]))))),
      HostileFile(
        .video, "cues.mkv",
        file(tracks(Data()), element([0x1C, 0x53, 0xBB, 0x6B], element([0xBB], times(30_000, Data([0xB7, 0x80])))))),
      HostileFile(
        .video, "private.webm",
        file(element([0x16, 0x54, 0xAE, 0x6B], element([0xAE], element([0x63, 0xA2], Data([1]), length: 0xFFF_FFFF))))),
    ]
  }

  private static func videos() throws -> [HostileFile] {
    func name(_ name: String) -> Data { joined(big(name.utf8.count, 2), text(name)) }
    let index = joined(
      Data([2]), name("onMetaData"), Data([8]), big(1), name("keyframes"), Data([3]), name("times"), Data([10]),
      big(33_000_000), Data(count: 90))
    let tag = joined(Data([18]), big(index.count, 3), Data(count: 7), index, big(index.count + 11))
    let packet = joined(Data([0x47, 0x40, 0x20, 0x10, 0, 0, 1, 0xE0, 0, 0, 0x80, 0, 0]), Data(count: 175))
    let empty = joined(Data([9, 0, 0, 1]), Data(count: 7), Data([0x12]), big(12))
    let map = joined(Data([0, 0, 1, 0xBC, 0xFF, 0xFF]), Data(count: 20))
    return [
      HostileFile(.video, "samples.mp4", try changed("video/h264.mp4", after: "stsz", 8, big(44_000_000))),
      HostileFile(.video, "format.avi", try changed("video/mpeg4.avi", after: "strf", 0, little(300_000_000))),
      HostileFile(.video, "index.flv", text("FLV"), Data([1, 1]), big(9), big(0), tag),
      HostileFile(.video, "pieces.flv", text("FLV"), Data([1, 1]), big(9), big(0), times(3500, empty)),
      HostileFile(
        .video, "canvas.gif", text("GIF89a"), Data(repeating: 0xFF, count: 4), Data([0, 0, 0, 0x2C]), Data(count: 9),
        Data([2, 0])),
      HostileFile(
        .video, "comments.gif", text("GIF89a"), Data([16, 0, 16, 0, 0, 0, 0, 0x21, 0xFE]),
        times(30_000, Data([1, 65]))),
      HostileFile(.video, "pids.ts", times(340, packet)),
      HostileFile(
        .video, "packs.mpg", Data([0, 0, 1, 0xBA, 0x44, 0, 4, 0, 4, 1, 0, 0, 3, 0xF8]), times(2000, map)),
      HostileFile(.video, "cut.ogv", try fixture("video/theora.ogv").prefix(4000), Data(repeating: 0xFF, count: 4000)),
    ]
  }

  private static func wave(_ channels: Int, _ rate: Int, samples: Int, claim: Int? = nil) -> Data {
    joined(
      text("RIFF"), little(36 + samples), text("WAVEfmt "), little(16), little(1, 2), little(channels, 2), little(rate),
      little(rate), little(channels, 2), little(8, 2), text("data"), little(claim ?? samples),
      Data((0..<samples).map { UInt8(truncatingIfNeeded: $0 * 7) }))
  }

  private static func sounds() throws -> [HostileFile] {
    let flac = try fixture("audio/tone.flac").prefix(42)
    let mp3 = try fixture("audio/tone.mp3")
    func described(_ chunk: String, _ length: Int) -> Data {
      let form = joined(big(0x40CF_4000), big(0), text("lpcm"), big(0), big(2), big(1), big(1), big(16))
      return joined(
        text("caff"), big(0x1_0000), text("desc"), big(32, 8), form, text(chunk), big(length, 8), big(0xFFF_FFFF),
        Data(count: 2000))
    }
    return [
      HostileFile(.sound, "slow.wav", wave(1, 1, samples: 60_000)),
      HostileFile(.sound, "fast.wav", wave(1, 0x7FFF_FFFF, samples: 60_000)),
      HostileFile(.sound, "channels.wav", wave(65_535, 16_000, samples: 60_000)),
      HostileFile(.sound, "claim.wav", wave(1, 16_000, samples: 100, claim: 0x7FFF_0000 - 1)),
      HostileFile(
        .sound, "picture.flac", flac, Data([0x86, 0xFF, 0xFF, 0xFF]), big(3), big(0xFFFF_FF00), Data(count: 500)),
      HostileFile(.sound, "points.flac", flac, Data([0x83]), big(18 * 3400, 3), Data(count: 18 * 3400)),
      HostileFile(.sound, "blocks.flac", flac, times(15_000, Data([1, 0, 0, 0])), Data([0x81, 0, 0, 0])),
      HostileFile(.sound, "tag.mp3", text("ID3"), Data([3, 0, 0, 0x7F, 0x7F, 0x7F, 0x7F]), mp3),
      HostileFile(.sound, "frames.mp3", times(16_000, Data([0xFF, 0xFB, 0x90, 0xC4]))),
      HostileFile(.sound, "cut.ogg", try fixture("audio/tone.ogg").prefix(3000)),
      HostileFile(.sound, "packets.caf", described("pakt", 0x7FFF_FFF0)),
      HostileFile(.sound, "strings.caf", described("info", 2000)),
      HostileFile(
        .sound, "marks.aiff", text("FORM"), big(60_000), text("AIFFMARK"), big(0x7FFF_FFF0), big(0xFFFF, 2),
        Data(count: 3000)),
      HostileFile(
        .sound, "claim.au", text(".snd"), big(24), big(0x7000_0000), big(3), big(16_000), big(1), Data(count: 3000)),
      HostileFile(
        .sound, "claim.w64", try fixture("audio/containers/tone.w64").prefix(16), Data(repeating: 0x7F, count: 400)),
    ]
  }

  private static func points() -> [HostileFile] {
    func array(_ header: String) -> Data {
      joined(Data([0x93]), text("NUMPY"), Data([1, 0]), little(header.utf8.count + 1, 2), text(header + "\n"))
    }
    let axes = "property float x\nproperty float y\nproperty float z\n"
    return [
      HostileFile(
        .points, "claim.ply", text("ply\nformat ascii 1.0\nelement vertex 2147483647\n\(axes)end_header\n0 0 0\n")),
      HostileFile(
        .points, "elements.ply", text("ply\nformat ascii 1.0\n"), times(4000, text("element e 0\n")),
        text("end_header\n")),
      HostileFile(.points, "claim.off", text("OFF\n2147483647 2147483647 0\n0 0 0\n")),
      HostileFile(.points, "face.obj", text("v 0 0 0\nv 1 1 1\nv 0 1 0\nf "), times(30_000, text("1 ")), text("\n")),
      HostileFile(.points, "columns.xyz", times(30_000, text("1 ")), text("\n")),
      HostileFile(.points, "header.csv", text("x,y,z"), times(14_000, text(",c")), text("\n1,2,3\n")),
      HostileFile(
        .points, "claim.npy", array("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 3), }")),
      HostileFile(.points, "nested.npy", array("{'descr': " + String(repeating: "(", count: 20_000))),
    ]
  }

  private static func archive(_ pickle: Data) -> Data {
    let name = text("archive/data.pkl")
    let sizes = joined(little(pickle.count), little(pickle.count), little(name.count, 2))
    let header = joined(text("PK\u{3}\u{4}"), Data(count: 14), sizes, Data(count: 2), name)
    let entry = joined(text("PK\u{1}\u{2}"), Data(count: 16), sizes, Data(count: 16), name)
    let end = joined(text("PK\u{5}\u{6}"), Data(count: 4), little(1, 2), little(1, 2), little(entry.count))
    return joined(header, pickle, entry, end, little(header.count + pickle.count), Data(count: 2))
  }

  private static func checkpoints() -> [HostileFile] {
    func header(_ json: String) -> Data { joined(little(json.utf8.count, 8), text(json)) }
    let entries = (0..<1200).map { "\"\($0)\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}" }
    let begin = Data([0x80, 4])
    return [
      HostileFile(.checkpoint, "long.safetensors", little(90_000_000, 8), text("{")),
      HostileFile(.checkpoint, "nested.safetensors", header(String(repeating: "{\"a\":", count: 10_000))),
      HostileFile(.checkpoint, "entries.safetensors", header("{\(entries.joined(separator: ","))}")),
      HostileFile(
        .checkpoint, "memo.pt", archive(joined(begin, text("}"), Data(repeating: 0x94, count: 5_000_000), text(".")))),
      HostileFile(
        .checkpoint, "tuples.pt", archive(joined(begin, text("N"), Data(repeating: 0x85, count: 60_000), text(".")))),
      HostileFile(.checkpoint, "marks.pt", archive(joined(begin, Data(repeating: 0x28, count: 60_000), text(".")))),
      HostileFile(.labels, "quotes.csv", times(65_000, text("\""))),
      HostileFile(.labels, "fields.csv", times(32_000, text(",a"))),
    ]
  }
}
