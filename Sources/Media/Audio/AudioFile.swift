import CMediaSupport
import Foundation
import MultimodalPathway

/// Sound files on disk: WAV, FLAC, Ogg (Vorbis, Opus) and MP3, through libsndfile.
public enum AudioFile {
  /// Reads a sound file, told by its content, as the mean of its channels.
  ///
  /// Of damaged MP3 files libmpg123 writes notes to standard error: libsndfile, which calls it, neither asks it to be
  /// quiet nor hands out what could.
  ///
  /// - Parameters:
  ///   - rate: samples a second that are wanted; absent: the file's own.
  ///   - resamples: whether a file of another rate is resampled (libsoxr, high quality); if not, it is an error.
  ///   - limits: what the file may cost; checked on its header before anything is decoded.
  /// - Throws: `AudioFileError`. A file that ends early is an error.
  /// - Complexity: O(frames x channels).
  public static func read(
    _ file: URL, rate: Int? = nil, resamples: Bool = false, limits: AudioLimits = AudioLimits()
  ) throws -> Waveform {
    let data: Data
    do {
      data = try ImageFile.contents(of: file, limit: limits.fileBytes)
    } catch MediaError.unreadable(let name, let reason) {
      throw AudioFileError.unreadable(file: name, reason: reason)
    } catch MediaError.limitExceeded(let name, _, let found, let limit) {
      throw AudioFileError.limitExceeded(file: name, quantity: .fileBytes, found: found ?? limit, limit: limit)
    }
    return try decode(data, name: file.path, rate: rate, resamples: resamples, limits: limits)
  }

  /// Reads a sound file in memory, as `read(_:rate:resamples:limits:)`.
  ///
  /// - Parameter name: what errors call it.
  public static func decode(
    _ data: Data, name: String, rate: Int? = nil, resamples: Bool = false, limits: AudioLimits = AudioLimits()
  ) throws -> Waveform {
    let format = try AudioFormat(data, name: name)
    if let finding = format.truncation(data) { throw AudioFileError.truncated(file: name, finding: finding) }
    let sound = try data.withUnsafeBytes { bytes in
      var report = mp_media_report()
      // SAFETY: the decoder keeps a pointer to `bytes`, which outlive it.
      let start = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
      guard let decoder = mp_audio_open(start, bytes.count, &report) else {
        throw AudioFileError.damaged(file: name, finding: report.text)
      }
      defer { mp_audio_close(decoder) }
      // What an MP3 file promises is its encoder's count, from which decoders cut or keep some of the padding.
      return try mono(decoder, name: name, isExact: format != .mp3, rate: rate, resamples: resamples, limits: limits)
    }
    guard let rate, rate != sound.rate else { return sound }
    return try resampled(sound, to: rate, name: name, limits: limits)
  }

  /// Frames that are decoded at once.
  private static let block = 1 << 14

  private static func mono(
    _ decoder: OpaquePointer, name: String, isExact: Bool, rate: Int?, resamples: Bool, limits: AudioLimits
  ) throws -> Waveform {
    let (channels, found) = (Int(mp_audio_channels(decoder)), Int(mp_audio_rate(decoder)))
    let promised = mp_audio_frames(decoder) < 0 ? nil : Int(mp_audio_frames(decoder))
    func check(_ quantity: AudioFileError.Quantity, _ found: Int, _ limit: Int) throws {
      guard found <= limit else {
        throw AudioFileError.limitExceeded(file: name, quantity: quantity, found: found, limit: limit)
      }
    }
    try check(.channels, channels, limits.channels)
    try check(.rate, found, limits.rate)
    try check(.frames, promised ?? 0, limits.frames)
    guard channels > 0, found > 0 else {
      throw AudioFileError.damaged(file: name, finding: "\(channels) channels at \(found) samples a second")
    }
    if let rate, rate != found, !resamples { throw AudioFileError.rate(file: name, found: found, expected: rate) }

    var samples: [Float] = []
    var frames = [Float](repeating: 0, count: block * channels)
    var report = mp_media_report()
    // Memory grows with what is really there, not with what a header promises.
    while true {
      let count = Int(mp_audio_read(decoder, &frames, Int64(block), &report))
      if report.status != mp_media_ok { throw AudioFileError.damaged(file: name, finding: report.text) }
      try check(.frames, samples.count + count, limits.frames)
      for frame in 0..<count {
        let sum = frames[frame * channels..<(frame + 1) * channels].reduce(0, +)
        let sample = sum / Float(channels)
        guard sample.isFinite else { throw AudioFileError.notFinite(file: name, sample: samples.count) }
        samples.append(sample)
      }
      if count < block { break }
    }
    if isExact, let promised, samples.count < promised {
      throw AudioFileError.truncated(
        file: name, finding: "the header promises \(promised) samples, there are \(samples.count)")
    }
    if samples.isEmpty { throw AudioFileError.silent(file: name) }
    return Waveform(samples, rate: found)
  }

  private static func resampled(
    _ sound: Waveform, to rate: Int, name: String, limits: AudioLimits
  ) throws -> Waveform {
    let wanted = (Double(sound.samples.count) * Double(rate) / Double(sound.rate)).rounded(.up)
    guard rate > 0, wanted <= Double(limits.frames) else {
      throw AudioFileError.limitExceeded(
        file: name, quantity: .frames, found: Int(min(wanted, 1e18)), limit: limits.frames)
    }
    var report = mp_media_report()
    let capacity = Int(wanted)
    let samples = [Float](unsafeUninitializedCapacity: capacity) { samples, count in
      count = mp_audio_resample(
        sound.samples, sound.samples.count, Double(sound.rate), Double(rate), samples.baseAddress, capacity, &report)
    }
    guard report.status == mp_media_ok else { throw AudioFileError.damaged(file: name, finding: report.text) }
    if samples.isEmpty { throw AudioFileError.silent(file: name) }
    return Waveform(samples, rate: rate)
  }
}
