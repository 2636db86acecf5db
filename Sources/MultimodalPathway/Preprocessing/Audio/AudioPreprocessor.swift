import PathwayKernels

/// Turns sound into what an audio transformer reads: windows of its normalised log-mel spectrogram.
public struct AudioPreprocessor: Sendable {
  /// Which part of a recording is seen that is longer than the model's window.
  public enum Coverage: Sendable, Hashable {
    /// Its beginning.
    case beginning
    /// All of it, by windows whose starts are this many frames apart; the last ends with the recording.
    case sliding(hop: Int)
  }

  /// Rate, normalisation and layout.
  public let recipe: AudioPreprocessing
  /// Frames of a window.
  public let frames: Int
  /// The filter bank that makes the spectrogram.
  public let bank: FilterBank

  /// Most windows of a recording.
  public static let windowLimit = 1024

  /// A preprocessor of windows of `frames` frames, with `bins` mel bins each.
  ///
  /// - Throws: `AudioError.invalid`; `EngineError`.
  public init(_ recipe: AudioPreprocessing, frames: Int, bins: Int, engine: Engine) throws {
    try recipe.validate()
    guard frames > 0 else {
      throw AudioError.invalid(key: "img_size", found: "\(frames)", expected: "at least 1 frame")
    }
    self.recipe = recipe
    self.frames = frames
    bank = try FilterBank(rate: recipe.rate, bins: bins, engine: engine)
  }

  /// The preprocessor of an audio model; AudioSet's numbers where its configuration has none.
  ///
  /// - Throws: `AudioError.invalid`; `EngineError`.
  public init(_ c: VisionTransformerConfiguration, engine: Engine) throws {
    let size = c.spectrogram
    try self.init(c.audio ?? .audioSet, frames: size.frames, bins: size.bins, engine: engine)
  }

  /// Values of a window.
  public var valueCount: Int { frames * bank.bins }

  /// The log-mel spectrogram, (frames, bins), before normalisation.
  ///
  /// - Throws: `AudioError`; `EngineError`.
  public func features(_ sound: Waveform) throws -> [Float] {
    try check(sound)
    return try bank(recipe.removesMean ? sound.centered.samples : sound.samples)
  }

  private func check(_ sound: Waveform) throws {
    guard sound.rate == recipe.rate else { throw AudioError.rate(found: sound.rate, expected: recipe.rate) }
    guard sound.samples.count >= bank.frameLength else {
      throw AudioError.tooShort(samples: sound.samples.count, expected: bank.frameLength)
    }
    try SystemMemory.require(
      SystemMemory.product(bank.frameCount(sound.samples.count), bank.bins, 4), for: .inputs)
  }

  /// Writes one window in the model's layout, with the bits that it has in `callAsFunction(_:_:)`. Only the frames of
  /// the window are computed.
  ///
  /// - Parameters:
  ///   - values: `valueCount` values, which may be uninitialised.
  ///   - start: called with the number of the recording's frames; returns the window's first, one of them.
  /// - Throws: `AudioError`; `EngineError`.
  package func write(
    _ sound: Waveform, to values: UnsafeMutableBufferPointer<Float>, start: (_ frames: Int) -> Int
  ) throws {
    try check(sound)
    let samples = recipe.removesMean ? sound.centered.samples : sound.samples
    let count = bank.frameCount(samples.count)
    let first = start(count)
    let end = (min(count, first + frames) - 1) * bank.frameShift + bank.frameLength
    write(try bank(Array(samples[first * bank.frameShift..<end])), from: 0, to: values)
  }

  /// First frames of the windows of a recording of `count` frames.
  ///
  /// - Throws: `AudioError.tooManyWindows`; `AudioError.invalid` for a hop below 1.
  public func starts(_ count: Int, _ coverage: Coverage) throws -> [Int] {
    guard case .sliding(let hop) = coverage else { return [0] }
    guard hop > 0 else { throw AudioError.invalid(key: "hop", found: "\(hop)", expected: "at least 1 frame") }
    let rest = max(0, count - frames)
    let windows = 1 + rest / hop + (rest % hop == 0 ? 0 : 1)
    guard windows <= Self.windowLimit else {
      throw AudioError.tooManyWindows(found: windows, limit: Self.windowLimit)
    }
    return (0..<windows).map { min($0 * hop, rest) }
  }

  /// All windows of a recording, one after the other, each in the model's layout.
  ///
  /// - Throws: `AudioError`; `EngineError`.
  public func callAsFunction(_ sound: Waveform, _ coverage: Coverage = .beginning) throws -> [Float] {
    let features = try features(sound)
    let starts = try starts(features.count / bank.bins, coverage)
    // Callers put them into batches, which are copies.
    try SystemMemory.require(SystemMemory.product(starts.count, valueCount, 12), for: .inputs)
    return [Float](unsafeUninitializedCapacity: starts.count * valueCount) { values, initialized in
      for (index, start) in starts.enumerated() {
        let range = index * valueCount..<(index + 1) * valueCount
        write(features, from: start, to: UnsafeMutableBufferPointer(rebasing: values[range]))
      }
      initialized = starts.count * valueCount
    }
  }

  /// One window, from a frame on, padded with frames of 0 before normalisation.
  private func write(_ features: [Float], from start: Int, to values: UnsafeMutableBufferPointer<Float>) {
    let bins = bank.bins
    let deviation = recipe.std * 2
    let isTransposed = recipe.layout == .melFirst
    for frame in 0..<frames {
      for bin in 0..<bins {
        let source = (start + frame) * bins + bin
        let value = source < features.count ? features[source] : 0
        values[isTransposed ? bin * frames + frame : frame * bins + bin] = (value - recipe.mean) / deviation
      }
    }
  }
}
