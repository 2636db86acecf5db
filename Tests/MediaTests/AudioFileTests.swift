import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// Sound files against libsndfile's samples (Tests/Fixtures/audio/make_features.py), and broken files.
@Suite struct AudioFileTests {
  static let formats = ["wav", "flac", "ogg", "opus", "mp3"]

  static func file(_ format: String) throws -> Data { try Data(contentsOf: Fixture.url("audio/tone.\(format)")) }

  @Test(arguments: formats)
  func readsTheMeanOfTheChannels(_ format: String) throws {
    let golden = try #require(Checkpoint(contentsOf: Fixture.url("audio/tone.safetensors")).tensors[format])
    let samples = try golden.float32()
    let sound = try AudioFile.read(Fixture.url("audio/tone.\(format)"))
    #expect(sound.rate == 16_000 && sound.samples.count == golden.shape[0])
    // Other versions of lossy decoders may round differently.
    let bound: Float = ["wav", "flac"].contains(format) ? 0 : 1e-4
    for (index, sample) in sound.samples.enumerated() {
      let expected = (samples[2 * index] + samples[2 * index + 1]) / 2
      #expect(abs(sample - expected) <= bound, "\(format) sample \(index)")
    }
  }

  @Test func followsLinks() throws {
    let link = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).wav")
    try FileManager.default.createSymbolicLink(at: link, withDestinationURL: Fixture.url("audio/tone.wav"))
    defer { try? FileManager.default.removeItem(at: link) }
    #expect(try AudioFile.read(link) == AudioFile.read(Fixture.url("audio/tone.wav")))
  }

  @Test func resamplesOnlyWhenAsked() throws {
    let data = try Self.file("wav")
    #expect(throws: AudioFileError.rate(file: "tone", found: 16_000, expected: 8000)) {
      try AudioFile.decode(data, name: "tone", rate: 8000)
    }
    let whole = try AudioFile.decode(data, name: "tone", rate: 16_000, resamples: true)
    #expect(try whole == AudioFile.decode(data, name: "tone"))
    for rate in [8000, 11_025, 44_100] {
      let sound = try AudioFile.decode(data, name: "tone", rate: rate, resamples: true)
      #expect(sound.rate == rate && abs(sound.samples.count - rate / 10) <= 1)
      // Both tones are below half of every rate: in the middle, away from the ringing at the ends, they are unchanged.
      for index in sound.samples.count / 3..<sound.samples.count * 2 / 3 {
        let time = Double(index) / Double(rate)
        let expected = 0.25 * sin(2 * .pi * 440 * time) + 0.125 * sin(2 * .pi * 660 * time)
        #expect(abs(Double(sound.samples[index]) - expected) < 1e-3, "\(rate): sample \(index)")
      }
    }
  }

  @Test(arguments: formats)
  func truncatedFilesAreErrors(_ format: String) throws {
    let data = try Self.file(format)
    for share in [0.3, 0.6, 0.9] {
      let cut = data.prefix(Int(Double(data.count) * share))
      #expect(throws: AudioFileError.self, "\(format) to \(share)") { try AudioFile.decode(Data(cut), name: "cut") }
    }
  }

  /// MP3 without the count that encoders write into the first frame: whole frames are read, also with tags after them;
  /// a last frame that is cut is an error.
  @Test func mp3WithoutACountIsCheckedByItsFrames() throws {
    let counted = try Self.file("mp3")
    let count = try #require(counted.firstRange(of: Data("Xing".utf8)))
    let next = try #require(counted[count.upperBound...].firstRange(of: counted.prefix(2)))
    let plain = Data(counted[next.lowerBound...])
    let sound = try AudioFile.decode(plain, name: "plain")
    #expect(sound.samples.count >= 1600)
    let tagged = plain + Data("TAG".utf8) + Data(count: 125)
    #expect(try AudioFile.decode(tagged, name: "tagged") == sound)
    for cut in [1, 7, 50] {
      do {
        _ = try AudioFile.decode(Data(plain.dropLast(cut)), name: "cut")
        Issue.record("read without the last \(cut) bytes")
      } catch AudioFileError.truncated(_, let finding) {
        #expect(finding.contains("the last frame"))
      }
    }
  }

  @Test func wrongKindsAreNamed() throws {
    func finding(_ data: Data) -> String {
      do {
        _ = try AudioFile.decode(data, name: "file")
        return "read"
      } catch {
        return "\(error)"
      }
    }
    #expect(finding(Data()).contains("empty"))
    #expect(finding(try Data(contentsOf: Fixture.url("images/cat.jpg"))).contains("a JPEG image"))
    #expect(finding(try Data(contentsOf: Fixture.url("images/astronaut.png"))).contains("a PNG image"))
    #expect(finding(Data("<!DOCTYPE html><html>".utf8)).contains("HTML"))
    #expect(finding(Data("no sound at all".utf8)).contains("6e 6f 20 73"))
    #expect(finding(Data("OggS".utf8)).contains("truncated"))
    #expect(finding(Data("RIFF\0\0\0\0WAVE".utf8)).contains("damaged"))
    #expect(throws: AudioFileError.self) { try AudioFile.read(Fixture.url("audio")) }
    #expect(throws: AudioFileError.self) { try AudioFile.read(Fixture.url("audio/none.wav")) }
  }

  /// A WAV file of float samples with the caller's numbers in its header.
  private func wav(
    _ samples: [Float], channels: UInt16 = 1, rate: UInt32 = 16_000, bytes: UInt32? = nil
  ) -> Data {
    func little<T: FixedWidthInteger>(_ value: T) -> Data { withUnsafeBytes(of: value.littleEndian) { Data($0) } }
    let body = samples.reduce(into: Data()) { $0 += little($1.bitPattern) }
    let frame = UInt32(channels) * 4
    var data = Data("RIFF".utf8) + little(UInt32(36 + body.count)) + Data("WAVEfmt ".utf8) + little(UInt32(16))
    data += little(UInt16(3)) + little(channels) + little(rate) + little(rate &* frame)
    data += little(UInt16(truncatingIfNeeded: frame)) + little(UInt16(32))
    return data + Data("data".utf8) + little(bytes ?? UInt32(body.count)) + body
  }

  /// Opposite channels give a warning with the share of the energy that their mean keeps; a common offset is ignored.
  @Test func channelsThatCancelGiveAWarning() throws {
    func notes(_ left: (Int) -> Float, _ right: (Int) -> Float) throws -> [String] {
      var notes: [MediaNote] = []
      let samples = (0..<800).flatMap { [left($0), right($0)] }
      let sound = try AudioFile.decode(wav(samples, channels: 2), name: "two") { notes.append($0) }
      #expect(sound.samples == (0..<800).map { (left($0) + right($0)) / 2 })
      return notes.map { "\($0)" }
    }
    // Multiples of 1/64: sums and halves are exact.
    func wave(_ index: Int) -> Float { Float(index * 7 % 32 - 16) / 64 }
    let silent =
      "warning: two: its 2 channels cancel each other: their mean is silence; choose one channel of 1...2"
    #expect(try notes(wave, { -wave($0) }) == [silent])
    #expect(try notes({ 0.5 + wave($0) }, { 0.5 - wave($0) }) == [silent])
    #expect(try notes(wave, wave).isEmpty && notes(wave, { _ in 0 }).isEmpty)
    // The mean of x and -3/4 x is x / 8: of (1 + 9/16) / 4 that is 4 %, 14 dB.
    let weak = silent.replacingOccurrences(of: "silence", with: "14 dB below that of unrelated channels")
    #expect(try notes(wave, { -0.75 * wave($0) }) == [weak])
  }

  @Test func impossibleHeadersAreErrors() throws {
    let samples = [Float](repeating: 0.5, count: 64)
    #expect(try AudioFile.decode(wav(samples), name: "good").samples == samples)
    // A writer to a pipe does not know the size.
    #expect(try AudioFile.decode(wav(samples, bytes: .max), name: "pipe").samples == samples)
    #expect(throws: AudioFileError.silent(file: "none")) { try AudioFile.decode(wav([]), name: "none") }
    #expect(throws: AudioFileError.self) { try AudioFile.decode(wav(samples, bytes: 4096), name: "long") }
    #expect(throws: AudioFileError.self) { try AudioFile.decode(wav(samples, channels: 0), name: "channels") }
    #expect(throws: AudioFileError.self) { try AudioFile.decode(wav(samples, channels: 65), name: "channels") }
    #expect(throws: AudioFileError.self) { try AudioFile.decode(wav(samples, rate: 0), name: "rate") }
    #expect(throws: AudioFileError.limitExceeded(file: "rate", quantity: .rate, found: 800_000, limit: 768_000)) {
      try AudioFile.decode(wav(samples, rate: 800_000), name: "rate")
    }
    #expect(throws: AudioFileError.limitExceeded(file: "long", quantity: .frames, found: 64, limit: 63)) {
      try AudioFile.decode(wav(samples), name: "long", limits: AudioLimits(frames: 63))
    }
    #expect(throws: AudioFileError.notFinite(file: "nan", sample: 64)) {
      try AudioFile.decode(wav(samples + [.nan]), name: "nan")
    }
    #expect(
      throws: AudioFileError.limitExceeded(
        file: Fixture.url("audio/tone.wav").path, quantity: .fileBytes, found: 6444, limit: 100)
    ) {
      try AudioFile.read(Fixture.url("audio/tone.wav"), limits: AudioLimits(fileBytes: 100))
    }
  }

  /// Damaged files give a sound or an `AudioFileError` and nothing else.
  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func survivesDamage(_ seed: UInt64) throws {
    let readable = try Self.readable(of: 400, from: Self.formats.map { try Self.file($0) }, seed) { random in
      UInt8.random(in: 0...255, using: &random)
    }
    #expect(readable > 20)
  }

  /// The number of sounds among `count` damaged copies of `files`; others throw `AudioFileError`.
  ///
  /// - Parameter byte: what a byte is replaced by.
  static func readable(
    of count: Int, from files: [Data], _ seed: UInt64, byte: (inout SeededGenerator) -> UInt8
  ) throws -> Int {
    var random = SeededGenerator(seed: seed)
    let limits = AudioLimits(channels: 8, frames: 1 << 20)
    var readable = 0
    for _ in 0..<count {
      var data = files.randomElement(using: &random)!
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        // Most damage is in headers, on which readers depend.
        let reach = Bool.random(using: &random) ? min(128, data.count) : data.count
        data[Int.random(in: 0..<reach, using: &random)] = byte(&random)
      }
      if Int.random(in: 0..<4, using: &random) == 0 {
        data = Data(data.prefix(Int.random(in: 0..<data.count, using: &random)))
      }
      do {
        let sound = try AudioFile.decode(data, name: "damaged", rate: 16_000, resamples: true, limits: limits)
        #expect(!sound.samples.isEmpty && sound.samples.count <= limits.frames)
        readable += 1
      } catch is AudioFileError {
      }
    }
    return readable
  }
}
