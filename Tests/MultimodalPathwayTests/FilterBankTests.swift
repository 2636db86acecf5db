import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// The filter bank against kaldi-native-fbank (Tests/Fixtures/audio/make_features.py) and against itself.
@Suite struct FilterBankTests {
  static let cases = ["speech", "narrow", "high", "odd", "noise", "tone", "sweep", "silence"]

  private struct Golden {
    let samples: [Float]
    let features: [Float]
    let frames: Int
    let bins: Int
    let rate: Int

    init(_ name: String) throws {
      let file = try Checkpoint(contentsOf: Fixture.url("audio/features.safetensors"))
      let rates = try JSONDecoder().decode([String: Int].self, from: Data(file.metadata["rates"]!.utf8))
      samples = try file.tensors["samples.\(name)"]!.float32()
      let tensor = file.tensors["features.\(name)"]!
      features = try tensor.float32()
      (frames, bins, rate) = (tensor.shape[0], tensor.shape[1], rates[name]!)
    }
  }

  /// The tolerance for every bin of every frame: 1e-4 in the logarithm.
  private static let bound: Float = 1e-4

  @Test(arguments: cases, InstructionSet.available)
  func matchesKaldi(_ name: String, _ set: InstructionSet) throws {
    let golden = try Golden(name)
    let bank = try FilterBank(rate: golden.rate, bins: golden.bins, engine: Engine(threads: 2, instructionSet: set))
    let found = try bank(golden.samples)
    #expect(bank.frameCount(golden.samples.count) == golden.frames && found.count == golden.features.count)
    let worst = zip(found, golden.features).map { abs($0 - $1) }.max() ?? .infinity
    #expect(worst <= Self.bound, "\(name): off by \(worst)")
  }

  @Test(arguments: InstructionSet.available, [1, 3])
  func streamedPortionsChangeNoBit(_ set: InstructionSet, _ threads: Int) throws {
    var random = SeededGenerator(seed: 5)
    let samples = random.floats(110_000, in: -0.5...0.5)
    let whole = try FilterBank(rate: 16_000, bins: 128, engine: Engine(threads: 1, instructionSet: set))(samples)
    let bank = try FilterBank(rate: 16_000, bins: 128, engine: Engine(threads: threads, instructionSet: set))
    var stream = FilterBankStream(bank)
    var features: [Float] = []
    var place = 0
    while place < samples.count {
      let portion = min(
        samples.count - place, [1, 159, 160, 161, 399, 400, 401, 7000, 90_000].randomElement(using: &random)!)
      features += try stream.append(samples[place..<place + portion])
      place += portion
    }
    #expect(features == whole)
    #expect(stream.frameCount == bank.frameCount(samples.count))
  }

  @Test func framesAreWhole() throws {
    let bank = try FilterBank(rate: 16_000, bins: 8, engine: Engine(threads: 1))
    for (samples, frames) in [(0, 0), (399, 0), (400, 1), (559, 1), (560, 2), (16_000, 98)] {
      #expect(bank.frameCount(samples) == frames)
      #expect(try bank([Float](repeating: 0, count: samples)).count == frames * 8)
    }
  }

  /// Removing the mean of a recording changes only roundings, since the mean of every frame is removed in any case.
  @Test func theMeanOfARecordingMakesNoDifferenceBeyondRounding() throws {
    let golden = try Golden("tone")
    let engine = try Engine(threads: 1)
    let removing = try AudioPreprocessor(.audioSet, frames: 64, bins: 128, engine: engine)
    var plain = AudioPreprocessing.audioSet
    plain.removesMean = false
    let keeping = try AudioPreprocessor(plain, frames: 64, bins: 128, engine: engine)
    let sound = Waveform(golden.samples, rate: 16_000)
    #expect(abs(sound.centered.samples.reduce(0.0) { $0 + Double($1) }) < Double(sound.samples.count) * unitRoundoff)
    let worst = zip(try removing.features(sound), try keeping.features(sound)).map { abs($0 - $1) }.max() ?? .infinity
    #expect(worst > 0 && worst <= 1e-2, "off by \(worst)")
  }

  @Test func badNumbersAreRefused() throws {
    let engine = try Engine(threads: 1)
    #expect(throws: AudioError.self) { try FilterBank(rate: 0, bins: 128, engine: engine) }
    #expect(throws: AudioError.self) { try FilterBank(rate: 16_000, bins: 0, engine: engine) }
    #expect(throws: AudioError.self) { try FilterBank(rate: .max, bins: .max, engine: engine) }
    #expect(throws: AudioError.self) { try AudioPreprocessing(mean: .nan, std: 1).validate() }
    #expect(throws: AudioError.self) { try AudioPreprocessing(mean: 0, std: 0).validate() }
  }
}

/// Windows of recordings.
@Suite struct AudioPreprocessorTests {
  private func preprocessor(_ layout: AudioPreprocessing.Layout = .timeFirst) throws -> AudioPreprocessor {
    try AudioPreprocessor(
      AudioPreprocessing(mean: -4, std: 2, removesMean: false, layout: layout), frames: 10, bins: 6,
      engine: Engine(threads: 1))
  }

  /// Samples for a number of frames.
  private func sound(_ frames: Int) -> Waveform {
    var random = SeededGenerator(seed: UInt64(frames))
    return Waveform(random.floats(400 + 160 * (frames - 1), in: -0.5...0.5), rate: 16_000)
  }

  @Test func shortSoundIsPaddedAndLongSoundIsCut() throws {
    let prepare = try preprocessor()
    for frames in [1, 9, 10, 11, 30] {
      let features = try prepare.features(sound(frames))
      #expect(features.count == frames * 6)
      let expected = (0..<60).map { index in ((index < features.count ? features[index] : 0) + 4) / 4 }
      #expect(try prepare(sound(frames)) == expected, "\(frames) frames")
    }
  }

  @Test func windowsSlideToTheEnd() throws {
    let prepare = try preprocessor()
    for (frames, hop, starts) in [
      (5, 4, [0]), (10, 4, [0]), (11, 4, [0, 1]), (18, 4, [0, 4, 8]), (19, 4, [0, 4, 8, 9]), (30, 100, [0, 20]),
    ] {
      #expect(try prepare.starts(frames, .sliding(hop: hop)) == starts)
    }
    let features = try prepare.features(sound(19))
    let windows = try prepare(sound(19), .sliding(hop: 4))
    for (index, start) in [0, 4, 8, 9].enumerated() {
      #expect(
        Array(windows[index * 60..<(index + 1) * 60]) == features[start * 6..<(start + 10) * 6].map { ($0 + 4) / 4 })
    }
    #expect(throws: AudioError.tooManyWindows(found: 1025, limit: 1024)) {
      try prepare.starts(10 + 1024, .sliding(hop: 1))
    }
    #expect(throws: AudioError.self) { try prepare.starts(10, .sliding(hop: 0)) }
  }

  @Test func layoutsAreTransposed() throws {
    let (rows, columns) = (try preprocessor()(sound(12)), try preprocessor(.melFirst)(sound(12)))
    for frame in 0..<10 {
      for bin in 0..<6 { #expect(rows[frame * 6 + bin] == columns[bin * 10 + frame]) }
    }
  }

  @Test func soundThatIsTooShortOrTooLongIsRefused() throws {
    let prepare = try preprocessor()
    #expect(throws: AudioError.tooShort(samples: 399, expected: 400)) {
      try prepare(Waveform([Float](repeating: 0, count: 399), rate: 16_000))
    }
    #expect(throws: AudioError.rate(found: 8000, expected: 16_000)) {
      try prepare(Waveform([Float](repeating: 0, count: 8000), rate: 8000))
    }
  }
}
