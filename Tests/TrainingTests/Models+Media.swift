import Foundation
import MultimodalPathway
import PathwayData
import PathwayTraining
import TestSupport

/// Models of sound and video, and recordings, made here.
extension Models {
  /// A model of sound: windows of 32 frames of 32 bins, two classes, `a` and `b`.
  static func sound(_ layout: AudioPreprocessing.Layout = .timeFirst) -> VisionTransformerConfiguration {
    var c = configuration
    var recipe = AudioPreprocessing.audioSet
    recipe.layout = layout
    (c.input, c.channels, c.imageSize) = (.audio(recipe), 1, Extent(square: 32))
    return c
  }

  /// A model of clips of 4 frames at rate 2, 16 x 16, in tubelets of 2, two classes, `a` and `b`.
  static var video: VisionTransformerConfiguration {
    var c = configuration
    c.input = .video(.init(frames: 4, samplingRate: 2))
    (c.hasClassToken, c.pooling, c.normalizesAfterPooling, c.qkvBias) = (false, .mean, true, .queryAndValue)
    return c
  }

  /// Writes a mono WAV file of a tone and noise at 16 kHz.
  ///
  /// - Parameter frequency: in Hz.
  static func writeSound(_ samples: Int, frequency: Double, seed: UInt64, to file: URL) throws {
    func little<T: FixedWidthInteger>(_ value: T) -> Data { withUnsafeBytes(of: value.littleEndian) { Data($0) } }
    var random = SeededGenerator(seed: seed)
    let phase = Double.random(in: 0..<6, using: &random)
    let body = (0..<samples).reduce(into: Data()) { data, index in
      let tone = 8000 * sin(phase + 2 * .pi * frequency * Double(index) / 16_000)
      data += little(Int16(tone) + Int16.random(in: -500...500, using: &random))
    }
    var data = Data("RIFF".utf8) + little(UInt32(36 + body.count)) + Data("WAVEfmt ".utf8) + little(UInt32(16))
    data += little(UInt16(1)) + little(UInt16(1)) + little(UInt32(16_000)) + little(UInt32(32_000))
    data += little(UInt16(2)) + little(UInt16(16)) + Data("data".utf8) + little(UInt32(body.count))
    try (data + body).write(to: file)
  }

  /// Samples of a recording of that many frames.
  static func samples(frames: Int) -> Int { 400 + 160 * (frames - 1) }

  /// Folders `a` and `b` of recordings of 20 to 50 frames, of a low and a high tone.
  static func writeSounds(in folder: URL, count: Int, seed: UInt64) throws {
    for (number, name) in ["a", "b"].enumerated() {
      let place = folder.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      for index in 0..<count {
        try writeSound(
          samples(frames: 20 + 30 * index / max(1, count - 1)), frequency: number == 0 ? 300 : 2500,
          seed: seed + UInt64(2 * index + number), to: place.appendingPathComponent("\(index).wav"))
      }
    }
  }

  /// What a sample reads.
  static func read(_ samples: any Samples, _ sample: Int, place: Int = 0) throws -> [Float] {
    let count = samples.repeats * samples.valueCount
    return try [Float](unsafeUninitializedCapacity: count) { values, initialized in
      let values = UnsafeMutableBufferPointer(rebasing: values[..<count])
      try samples.read(sample, RandomStream(seed: 5, place: place, .augmentation), into: values)
      initialized = count
    }
  }
}
