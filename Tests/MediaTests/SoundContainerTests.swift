import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// Lengths and marks in containers of sound, present or absent (Tests/Fixtures/audio/containers/make_containers.py).
@Suite struct SoundContainerTests {
  private static let older = ["tone.wav", "tone.flac", "tone.ogg", "tone.opus", "tone.mp3"]

  static func url(_ name: String) -> URL {
    Fixture.url(older.contains(name) ? "audio/\(name)" : "audio/containers/\(name)")
  }

  static func file(_ name: String) throws -> Data { try Data(contentsOf: url(name)) }

  /// The samples, and the notes on the file.
  static func read(_ data: Data, channel: Int? = nil) throws -> (samples: [Float], notes: [MediaNote]) {
    var notes: [MediaNote] = []
    let sound = try AudioFile.decode(data, name: "sound", channel: channel) { notes.append($0) }
    return (sound.samples, notes)
  }

  private static func error(_ data: Data) -> AudioFileError? {
    #expect(throws: AudioFileError.self) { try read(data) }
  }

  @Test(arguments: ["aiff", "au", "caf", "w64", "rf64"])
  func otherContainersHoldTheSameSamples(_ ending: String) throws {
    let expected = try Self.read(Self.file("tone.wav"))
    let found = try Self.read(Self.file("tone.\(ending)"))
    #expect(found.samples == expected.samples && found.notes.isEmpty && expected.notes.isEmpty)
    #expect(try AudioFile.read(Self.url("tone.\(ending)")).samples == expected.samples)
  }

  @Test(arguments: ["aiff", "au", "caf", "w64", "rf64"])
  func otherContainersThatAreCutAreErrors(_ ending: String) throws {
    let data = try Self.file("tone.\(ending)")
    for bytes in [40, 1000] {
      guard case .truncated? = Self.error(Data(data.dropLast(bytes))) else {
        Issue.record("\(ending) without \(bytes) bytes is read")
        continue
      }
    }
  }

  @Test(arguments: ["aiff", "au", "caf", "w64", "rf64"])
  func filesFromPipesAreReadToTheEndWithANote(_ ending: String) throws {
    let found = try Self.read(Self.file("pipe.\(ending)"))
    #expect(try found.samples == Self.read(Self.file("tone.wav")).samples)
    #expect(found.notes.count == 1 && found.notes[0].description.contains("gives no length"))
  }

  /// Placeholders for lengths in WAV files: all ones in FFmpeg, large signed numbers in SoX and arecord, 0 in others.
  @Test(
    arguments: [(0xFFFF_FFFF, 0xFFFF_FFFF), (0, 0), (0x7FFF_F024, 0x7FFF_F000), (0x8000_0024, 0x8000_0000)]
      as [(UInt32, UInt32)])
  func wavFromPipes(_ riff: UInt32, _ data: UInt32) throws {
    var file = try Self.file("tone.wav")
    let expected = try Self.read(file).samples
    let place = try #require(file.firstRange(of: Data("data".utf8))).upperBound
    withUnsafeBytes(of: riff.littleEndian) { file.replaceSubrange(4..<8, with: $0) }
    withUnsafeBytes(of: data.littleEndian) { file.replaceSubrange(place..<place + 4, with: $0) }
    let found = try Self.read(file)
    #expect(found.samples == expected && found.notes.count == 1)
    // Any other length beyond the end means a truncated file.
    withUnsafeBytes(of: UInt32(7000).littleEndian) { file.replaceSubrange(place..<place + 4, with: $0) }
    guard case .truncated? = Self.error(file) else {
      Issue.record("a length that is too large is read")
      return
    }
  }

  @Test(arguments: ["wav", "flac", "ogg", "opus", "mp3", "aiff", "au", "caf", "w64"])
  func concatenatedFilesAreReadWhole(_ ending: String) throws {
    let data = try Self.file("tone.\(ending)")
    let one = try Self.read(data).samples
    let found = try Self.read(data + data + data)
    #expect(found.samples == one + one + one, "\(ending): \(found.samples.count) of 3 x \(one.count)")
  }

  @Test func piecesOfAnotherRateOrChannelsAreRefused() throws {
    let (data, other) = (try Self.file("tone.ogg"), try Self.file("broadcast.ogg"))
    guard case .unsupportedVariant(_, let finding)? = Self.error(data + other) else {
      Issue.record("two channels and then one are read")
      return
    }
    #expect(finding.contains("piece 2 has 1 channels"))
  }

  /// Concatenated MP3 files with tags before and after; and frames without a count after counted ones.
  @Test func mp3PiecesAreFoundBetweenTags() throws {
    let data = try Self.file("tone.mp3")
    let one = try Self.read(data).samples
    let tag = Data("ID3".utf8) + Data([4, 0, 0, 0, 0, 0, 20]) + Data(count: 20)
    let tail = Data("TAG".utf8) + Data(count: 125)
    #expect(try Self.read(tag + data + tail + tag + data + tail).samples == one + one)
    let count = try #require(data.firstRange(of: Data("Xing".utf8)))
    let next = try #require(data[count.upperBound...].firstRange(of: data.prefix(2)))
    let plain = Data(data[next.lowerBound...])
    let rest = try Self.read(plain).samples.count
    #expect(try Self.read(data + plain).samples.count >= one.count + rest - 1152)
    let hole = try Self.read(plain + Data(repeating: 7, count: 300) + plain)
    #expect(hole.notes.contains { $0.text.contains("300 bytes") })
  }

  @Test func oggWithoutAnEndMarkIsReadWithANote() throws {
    let found = try Self.read(Self.file("broadcast.ogg"))
    #expect(found.notes.count == 1 && found.notes[0].text.contains("no end mark"))
    // libsndfile's number of samples in the pages.
    #expect(found.samples.count == 246_144)
    for (index, sample) in found.samples.enumerated() where index % 1000 == 500 {
      #expect(abs(Double(sample) - 0.25 * sin(2 * .pi * 440 * Double(index) / 16_000)) < 0.02, "sample \(index)")
    }
  }

  /// One bit of a page or a frame is wrong.
  @Test(arguments: ["ogg", "opus", "flac"])
  func checksumsAreCompared(_ ending: String) throws {
    let data = try Self.file("tone.\(ending)")
    for share in [0.5, 0.8, 0.99] {
      var damaged = data
      damaged[Int(Double(data.count) * share)] ^= 0x10
      guard case .damaged? = Self.error(damaged) else {
        Issue.record("\(ending): a wrong bit at \(share) is not found")
        continue
      }
    }
  }

  /// The MD5 of the samples of a FLAC file is compared, unless it is 0, which means unknown.
  @Test func flacDigestsAreCompared() throws {
    var data = try Self.file("tone.flac")
    let samples = try Self.read(data).samples
    data[26] ^= 1
    guard case .damaged(_, let finding)? = Self.error(data) else {
      Issue.record("a wrong MD5 is not found")
      return
    }
    #expect(finding.contains("MD5"))
    data.replaceSubrange(26..<42, with: Data(count: 16))
    #expect(try Self.read(data).samples == samples)
    let tag = Data("ID3".utf8) + Data([4, 0, 0, 0, 0, 0, 20]) + Data(count: 20)
    #expect(try Self.read(tag + data).samples == samples)
  }

  /// For a variable bit rate without a count, decoders assume the size of the first frame for all, and stop early.
  @Test func mp3OfVariableBitRateFromAPipeIsReadWhole() throws {
    let data = try Self.file("pipe.mp3")
    let samples = try Self.read(data).samples
    // 0.5 s of noise, 2 s of a tone, and padding.
    #expect(samples.count >= 40_000 && samples.count <= 40_000 + 4 * 1152, "\(samples.count)")
    // The tone is complete.
    for start in stride(from: 12_000, to: 38_000, by: 1600) {
      let power = samples[start..<start + 1600].reduce(Float(0)) { $0 + $1 * $1 } / 1600
      #expect(abs(power.squareRoot() - 0.05 * Float(0.5).squareRoot()) < 0.005, "at \(start)")
    }
    // After a tag, and twice.
    let tag = Data("ID3".utf8) + Data([4, 0, 0, 0, 0, 0, 20]) + Data(count: 20)
    let twice = try Self.read(tag + data + tag + data).samples
    #expect(twice.count == 2 * samples.count && twice.prefix(samples.count).elementsEqual(samples))
  }

  /// Old taggers append ID3v1 and APE tags to FLAC files.
  @Test func tagsAfterFLACAreNotDecoded() throws {
    let data = try Self.file("tone.flac")
    let samples = try Self.read(data).samples
    func little(_ value: UInt32) -> Data { withUnsafeBytes(of: value.littleEndian) { Data($0) } }
    func edge(_ flags: UInt32) -> Data {
      Data("APETAGEX".utf8) + little(2000) + little(40) + little(1) + little(flags) + Data(count: 8)
    }
    let id3 = Data("TAG".utf8) + Data(count: 125)
    let ape = edge(0xA000_0000) + Data(count: 8) + edge(0x8000_0000)
    for tags in [id3, ape, ape + id3] { #expect(try Self.read(data + tags).samples == samples) }
  }

  /// A page that is missing directly after the headers gives a note, although a broadcast may begin like this.
  @Test func oggPagesMissingAfterTheHeadersGiveANote() throws {
    var data = try Self.file("broadcast.ogg")
    let starts = data.indices.dropLast(4).filter { data[$0..<$0 + 4].elementsEqual("OggS".utf8) }
    try #require(starts.count >= 5)
    // The last page gets its end mark, and the checksum for it.
    let last = starts[starts.count - 1]
    data[last + 5] |= 4
    data.replaceSubrange(last + 22..<last + 26, with: Data(count: 4))
    var sum: UInt32 = 0
    for byte in data[last...] {
      sum ^= UInt32(byte) << 24
      for _ in 0..<8 { sum = sum & 0x8000_0000 == 0 ? sum << 1 : sum << 1 ^ 0x04C1_1DB7 }
    }
    withUnsafeBytes(of: sum.littleEndian) { data.replaceSubrange(last + 22..<last + 26, with: $0) }
    #expect(try Self.read(data).notes.isEmpty)
    data.removeSubrange(starts[2]..<starts[3])
    let notes = try Self.read(data).notes
    #expect(notes.count == 1 && notes[0].text.contains("pages are missing"), "\(notes)")
  }

  /// An unsupported codec is not damage.
  @Test func otherCodecsAreNotCalledDamaged() throws {
    // Apple's lossless codec in CAF.
    var caf = try Self.file("tone.caf")
    let codec = try #require(caf.firstRange(of: Data("lpcm".utf8)))
    caf.replaceSubrange(codec, with: Data("qdm2".utf8))
    guard case .unsupportedVariant? = Self.error(caf) else {
      Issue.record("\(String(describing: Self.error(caf)))")
      return
    }
  }

  /// A WAV file of 16-bit samples.
  static func wav(_ frames: [[Float]]) -> Data {
    func little<T: FixedWidthInteger>(_ value: T) -> Data { withUnsafeBytes(of: value.littleEndian) { Data($0) } }
    let body = frames.joined().reduce(into: Data()) { $0 += little(Int16($1 * 32_767)) }
    let channels = frames[0].count
    var data = Data("RIFF".utf8) + little(UInt32(36 + body.count)) + Data("WAVEfmt ".utf8) + little(UInt32(16))
    data += little(UInt16(1)) + little(UInt16(channels)) + little(UInt32(16_000))
    data += little(UInt32(32_000 * channels)) + little(UInt16(2 * channels)) + little(UInt16(16))
    return data + Data("data".utf8) + little(UInt32(body.count)) + body
  }

  @Test func mixThatLosesTheSoundWarns() throws {
    let tone = (0..<1600).map { 0.5 * sin(Float($0) * 0.17) }
    func warnings(_ frames: [[Float]], channel: Int? = nil) throws -> [MediaNote] {
      try Self.read(Self.wav(frames), channel: channel).notes
    }
    let opposite = tone.map { [$0, -$0] }
    let warning = try #require(try warnings(opposite).first)
    #expect(warning.kind == .warning && warning.text.contains("channel of 1...2"))
    // Nearly opposite, and opposite around an offset that hides it.
    #expect(try warnings(tone.map { [$0, -0.95 * $0] }).count == 1)
    #expect(try warnings(tone.map { [0.3 + $0, 0.3 - $0] }).count == 1)
    #expect(try warnings(tone.map { [$0, -$0, $0, -$0] }).count == 1)
    // Equal, unrelated, one of them silent, all silent.
    let other = (0..<1600).map { 0.5 * sin(Float($0) * 0.31) }
    for frames in [
      tone.map { [$0, $0] }, zip(tone, other).map { [$0, $1] }, tone.map { [$0, 0] }, tone.map { _ in [0, 0] },
      tone.map { [$0] },
    ] { #expect(try warnings(frames).isEmpty) }
    let second = try Self.read(Self.wav(opposite), channel: 2)
    #expect(second.notes.isEmpty && second.samples == tone.map { Float(Int16(-$0 * 32_767)) / 32_768 })
    #expect(throws: AudioFileError.noSuchChannel(file: "sound", found: 3, channels: 2)) {
      try Self.read(Self.wav(opposite), channel: 3)
    }
    #expect(throws: AudioFileError.noSuchChannel(file: "sound", found: 0, channels: 2)) {
      try Self.read(Self.wav(opposite), channel: 0)
    }
  }

  @Test func bytesAfterTheSoundGiveANote() throws {
    let data = try Self.file("tone.wav")
    let found = try Self.read(data + Data("garbage after it".utf8))
    #expect(try found.samples == Self.read(data).samples && found.notes.count == 1)
  }

  /// Damaged files give a sound or an `AudioFileError` and nothing else.
  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func survivesDamage(_ seed: UInt64) throws {
    let endings = ["aiff", "au", "caf", "w64", "rf64"]
    var files = try endings.flatMap { [try Self.file("tone.\($0)"), try Self.file("pipe.\($0)")] }
    files += try ["wav", "flac", "mp3"].map { try Self.file("tone.\($0)") + Self.file("tone.\($0)") }
    let readable = try AudioFileTests.readable(of: 600, from: files, seed) { random in
      [0, 0x7F, 0x80, 0xFF, 8].randomElement(using: &random)!
    }
    #expect(readable > 30)
  }
}
