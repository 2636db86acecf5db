import CMediaSupport
import Foundation
import MultimodalPathway
import PathwayKernels

/// Sound files on disk: WAV, FLAC, Ogg (Vorbis, Opus), MP3, AIFF, AU, CAF and W64, through libsndfile.
public enum AudioFile {
  /// Reads a sound file, recognized by its content, as the mean of its channels.
  ///
  /// Concatenated files are read one after the other. Checksums are compared if the format has them: Ogg's pages,
  /// FLAC's frames and the MD5 of its samples. For damaged MP3 files libmpg123 writes messages to standard error, and
  /// libsndfile has no option that silences it.
  ///
  /// - Parameters:
  ///   - rate: the requested sample rate; nil: that of the file.
  ///   - resamples: whether a file of another rate is resampled (libsoxr, high quality); if not, it is an error.
  ///   - channel: the channel to read, from 1; nil: the mean of all.
  ///   - limits: checked against the header before anything is decoded.
  ///   - note: called for a header without a length, an end that is not marked, and, as a warning, channels that cancel
  ///     each other.
  /// - Throws: `AudioFileError`. A file that ends early is an error.
  /// - Complexity: O(frames x channels).
  public static func read(
    _ file: URL, rate: Int? = nil, resamples: Bool = false, channel: Int? = nil, limits: AudioLimits = AudioLimits(),
    note: (MediaNote) -> Void = { _ in }
  ) throws -> Waveform {
    let data: Data
    do {
      data = try ImageFile.contents(of: file, limit: limits.fileBytes)
    } catch MediaError.unreadable(let name, let reason) {
      throw AudioFileError.unreadable(file: name, reason: reason)
    } catch MediaError.limitExceeded(let name, _, let found, let limit) {
      throw AudioFileError.limitExceeded(file: name, quantity: .fileBytes, found: found ?? limit, limit: limit)
    }
    return try decode(
      data, name: file.path, rate: rate, resamples: resamples, channel: channel, limits: limits, note: note)
  }

  /// Reads a sound file in memory, as `read(_:rate:resamples:channel:limits:note:)`.
  ///
  /// - Parameter name: the name of the file in errors.
  public static func decode(
    _ data: Data, name: String, rate: Int? = nil, resamples: Bool = false, channel: Int? = nil,
    limits: AudioLimits = AudioLimits(), note: (MediaNote) -> Void = { _ in }
  ) throws -> Waveform {
    let format = try AudioFormat(data, name: name)
    let layout = try AudioLayout(format, data, name: name)
    var decoding = AudioDecoding(
      name: name, format: format, rate: rate, resamples: resamples, channel: channel, limits: limits)
    try layout.fixed(data).withUnsafeBytes { bytes in
      for (index, piece) in layout.pieces.enumerated() {
        func add(_ bytes: UnsafeRawBufferPointer) throws {
          try decoding.add(
            bytes, index: index, stream: index < layout.streams.count ? layout.streams[index] : nil,
            least: index < layout.mp3Samples.count ? layout.mp3Samples[index] : 0)
        }
        if index < layout.mp3Counts.count, let count = layout.mp3Counts[index] {
          let start = Data(bytes[piece.lowerBound..<count.place]) + Data(count.bytes)
          try (start + Data(bytes[count.place..<piece.upperBound])).withUnsafeBytes(add)
        } else {
          try add(UnsafeRawBufferPointer(rebasing: bytes[piece]))
        }
      }
    }
    let sound = try decoding.sound()
    for text in layout.notes { note(MediaNote(file: name, text)) }
    if let loss = decoding.loss { note(MediaNote(.warning, file: name, loss)) }
    guard let rate, rate != sound.rate else { return sound }
    return try resampled(sound, to: rate, name: name, limits: limits)
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
    // The resampler makes a copy of its own.
    try SystemMemory.require(SystemMemory.product(capacity, 8), for: .file)
    let samples = [Float](unsafeUninitializedCapacity: capacity) { samples, count in
      count = mp_audio_resample(
        sound.samples, sound.samples.count, Double(sound.rate), Double(rate), samples.baseAddress, capacity, &report)
    }
    guard report.status == mp_media_ok else { throw AudioFileError.damaged(file: name, finding: report.text) }
    if samples.isEmpty { throw AudioFileError.silent(file: name) }
    return Waveform(samples, rate: rate)
  }
}
