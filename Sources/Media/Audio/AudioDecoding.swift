import CDigestSupport
import CMediaSupport
import Foundation
import MultimodalPathway

/// The pieces of a sound file, decoded one after the other and mixed to one channel.
struct AudioDecoding {
  let name: String
  let format: AudioFormat
  /// The requested sample rate; nil: that of the file.
  let rate: Int?
  let resamples: Bool
  /// The selected channel, from 1; nil: the mean of all.
  let channel: Int?
  let limits: AudioLimits
  private var mix: ChannelMix?
  private var found = 0

  /// The lowest rate that is resampled.
  private static let slowest = 1000
  /// Frames decoded at once.
  private static let block = 1 << 14

  init(name: String, format: AudioFormat, rate: Int?, resamples: Bool, channel: Int?, limits: AudioLimits) {
    self.name = name
    self.format = format
    self.rate = rate
    self.resamples = resamples
    self.channel = channel
    self.limits = limits
  }

  /// Decodes a piece.
  ///
  /// - Parameters:
  ///   - index: its number, from 0.
  ///   - stream: the header of a FLAC piece.
  ///   - least: samples in the frames of an MP3 piece; 0 if they were not counted.
  /// - Throws: `AudioFileError`.
  mutating func add(_ bytes: UnsafeRawBufferPointer, index: Int, stream: FLACStream?, least: Int) throws {
    var report = mp_media_report()
    // SAFETY: the decoder keeps a pointer to `bytes`, which outlive it.
    let start = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
    guard let decoder = mp_audio_open(start, bytes.count, &report) else {
      if format == .ogg, bytes.dropFirst(28).starts(with: [0x7F] + Array("FLAC".utf8)) {
        throw AudioFileError.unsupportedVariant(
          file: name, finding: "FLAC in Ogg, which libsndfile cannot open (\(report.text)); convert it to plain FLAC")
      }
      if format == .ogg, bytes.dropFirst(28).starts(with: "Speex".utf8) {
        throw AudioFileError.unsupportedVariant(file: name, finding: "Speex in Ogg; convert it to WAV")
      }
      if report.status == mp_media_unsupported {
        throw AudioFileError.unsupportedVariant(file: name, finding: "\(report.text) Convert it to WAV")
      }
      throw AudioFileError.damaged(file: name, finding: report.text)
    }
    defer { mp_audio_close(decoder) }
    let promised = mp_audio_frames(decoder) < 0 ? nil : Int(mp_audio_frames(decoder))
    try open(decoder, index: index, promised: promised ?? 0)
    guard var own = mix else { return }
    let before = own.samples.count
    mix = nil  // So that the samples are not copied.
    defer { mix = own }
    // The MD5 is of whole numbers, from which the floats are made here.
    var digest = stream.flatMap { $0.digest == nil || $0.channels != own.channels ? nil : SampleDigest(bits: $0.bits) }
    var integers = [Int32](repeating: 0, count: digest == nil ? 0 : Self.block * own.channels)
    var frames = [Float](repeating: 0, count: Self.block * own.channels)
    // Memory grows with the samples that are decoded, not with the number that a header declares.
    while true {
      let count: Int
      if digest != nil {
        count = Int(mp_audio_read_integers(decoder, &integers, Int64(Self.block), &report))
        for index in 0..<count * own.channels { frames[index] = Float(integers[index]) * 0x1p-31 }
        digest?.add(integers[..<(count * own.channels)])
      } else {
        count = Int(mp_audio_read(decoder, &frames, Int64(Self.block), &report))
      }
      if report.status != mp_media_ok { throw AudioFileError.damaged(file: name, finding: report.text) }
      try check(.frames, own.samples.count + count, limits.frames)
      try own.reserve(count)
      if let sample = own.add(frames[..<(count * own.channels)]) {
        throw AudioFileError.notFinite(file: name, sample: sample)
      }
      if count < Self.block { break }
    }
    try judge(own.samples.count - before, promised, least: least)
    if let expected = stream?.digest, let found = digest?.finish(), found != expected {
      throw AudioFileError.damaged(file: name, finding: "its samples do not match the MD5 in its header")
    }
  }

  /// Checks the header of a piece, and that it agrees with those of earlier pieces.
  private mutating func open(_ decoder: OpaquePointer, index: Int, promised: Int) throws {
    let (channels, own) = (Int(mp_audio_channels(decoder)), Int(mp_audio_rate(decoder)))
    try check(.channels, channels, limits.channels)
    try check(.rate, own, limits.rate)
    try check(.frames, promised, limits.frames)
    guard channels > 0, own > 0 else {
      throw AudioFileError.damaged(file: name, finding: "\(channels) channels at \(own) samples a second")
    }
    if let mix {
      guard mix.channels == channels, found == own else {
        throw AudioFileError.unsupportedVariant(
          file: name,
          finding: "its piece \(index + 1) has \(channels) channels at \(own) samples a second, earlier ones have "
            + "\(mix.channels) at \(found); split it")
      }
      return
    }
    found = own
    if let rate, rate != own {
      guard resamples else { throw AudioFileError.rate(file: name, found: own, expected: rate) }
      // From one sample a second, 16,000 would be made of each.
      guard own >= Self.slowest else {
        throw AudioFileError.unsupportedVariant(
          file: name,
          finding: "\(own) samples a second, expected at least \(Self.slowest) to resample; correct its header")
      }
    }
    if let channel, !(1...channels).contains(channel) {
      throw AudioFileError.noSuchChannel(file: name, found: channel, channels: channels)
    }
    mix = ChannelMix(channels: channels, channel: channel.map { $0 - 1 })
  }

  /// Compares the number of decoded samples with the declared one.
  private func judge(_ count: Int, _ promised: Int?, least: Int) throws {
    if format == .mp3 {
      // Decoders keep or remove some of the padding that the encoder counted: up to 4,095 samples at each end, and a
      // frame that needs bits of an earlier one.
      guard least == 0 || count + 2 * 4095 + 1152 >= least else {
        throw AudioFileError.damaged(
          file: name, finding: "its frames hold \(least) samples, the decoder finds \(count)")
      }
    } else if let promised, count < promised {
      throw AudioFileError.truncated(
        file: name, finding: "the header declares \(promised) samples, the file has \(count)")
    }
  }

  private func check(_ quantity: AudioFileError.Quantity, _ found: Int, _ limit: Int) throws {
    guard found <= limit else {
      throw AudioFileError.limitExceeded(file: name, quantity: quantity, found: found, limit: limit)
    }
  }

  /// The decoded sound.
  ///
  /// - Throws: `AudioFileError.silent`.
  func sound() throws -> Waveform {
    guard let mix, !mix.samples.isEmpty else { throw AudioFileError.silent(file: name) }
    return Waveform(mix.samples, rate: found)
  }

  /// A warning if the mean of the channels loses nearly all of the sound.
  var loss: String? {
    guard let mix, mix.keptShare < 0.1 else { return nil }
    let level =
      mix.keptShare > 0
      ? String(format: "%.0f dB below that of unrelated channels", -10 * log10(mix.keptShare)) : "silence"
    return "its \(mix.channels) channels cancel each other: their mean is \(level); choose one channel "
      + "of 1...\(mix.channels)"
  }
}

/// The MD5 of samples by FLAC's rules: interleaved, in whole bytes, little-endian.
private struct SampleDigest {
  private let shift: Int32
  private let size: Int
  private let context: Context
  private var bytes: [UInt8] = []

  private final class Context {
    let pointer = mp_md5_begin()
    deinit { mp_md5_free(pointer) }
  }

  init?(bits: Int) {
    guard (4...32).contains(bits) else { return nil }
    shift = Int32(32 - bits)
    size = (bits + 7) / 8
    context = Context()
  }

  /// - Parameter samples: aligned to the highest bit.
  mutating func add(_ samples: ArraySlice<Int32>) {
    bytes.removeAll(keepingCapacity: true)
    for sample in samples {
      let value = UInt32(bitPattern: sample >> shift)
      for byte in 0..<size { bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(8 * byte))) }
    }
    mp_md5_add(context.pointer, bytes, bytes.count)
  }

  /// The digest; nil if libcrypto has no MD5.
  func finish() -> [UInt8]? {
    var digest = [UInt8](repeating: 0, count: 16)
    return mp_md5_end(context.pointer, &digest) == 1 ? digest : nil
  }
}
