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

  /// A model of clouds of 32 points in 6 groups of 8, two classes, `a` and `b`.
  static var points: VisionTransformerConfiguration {
    var c = VisionTransformerConfiguration(
      architecture: "point_mae_modelnet40", imageSize: Extent(square: 1), patchSize: Extent(square: 1), width: 24,
      depth: 2, heads: 2)
    var points = PointConfiguration()
    (points.points, points.groups, points.groupSize) = (32, 6, 8)
    (points.encoderWidths, points.positionWidth) = ([8, 12, 16], 8)
    c.input = .points(points)
    (c.head, c.pooling, c.qkvBias) = (.points(hiddenWidths: [16]), .tokenAndMaximum, .none)
    (c.classCount, c.labels) = (2, ["a", "b"])
    return c
  }

  /// Folders `a` and `b` of clouds of 100 points: on a ball's surface, and on a rod.
  static func writeClouds(in folder: URL, count: Int) throws -> ClassFolders {
    var random = SeededGenerator(seed: 9)
    for name in ["a", "b"] {
      let place = folder.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      for index in 0..<count {
        let lines = (0..<100).map { _ in
          let v = random.floats(3)
          let length = (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]).squareRoot()
          return name == "a"
            ? "\(v[0] / length) \(v[1] / length) \(v[2] / length)" : "\(v[0]) \(v[1] / 20) \(v[2] / 20)"
        }
        try Data(lines.joined(separator: "\n").utf8).write(to: place.appendingPathComponent("\(index).xyz"))
      }
    }
    return try ClassFolders(folder.path, PointFrontEnd(PointConfiguration(), engine: Engine(threads: 1)))
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
