import Foundation
import MultimodalPathway
import PathwayData
import PathwayTraining
import TestSupport
import Testing

@Suite struct PointSamplesTests {
  /// Points that models read here.
  private let count = 64
  /// Candidates that they are drawn from.
  private let candidates = 75

  /// Folders `a` and `b` of a cloud of `points` points each.
  private func files(in folder: URL, points: Int) throws -> ClassFolders {
    var random = SeededGenerator(seed: 4)
    for name in ["a", "b"] {
      let place = folder.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      let numbers = random.floats(3 * points)
      let lines = (0..<points).map { "\(numbers[3 * $0]) \(numbers[3 * $0 + 1]) \(numbers[3 * $0 + 2])" }
      try Data(lines.joined(separator: "\n").utf8).write(to: place.appendingPathComponent("cloud.xyz"))
    }
    return try ClassFolders(folder.path, PointFrontEnd(PointConfiguration(), engine: Engine(threads: 1)))
  }

  private func points(_ count: Int) -> PointConfiguration {
    var points = PointConfiguration()
    points.points = count
    return points
  }

  private func samples(_ files: ClassFolders, _ augmentation: Recipe.Augmentation) throws -> PointSamples {
    var recipe = Recipe()
    recipe.augmentation = augmentation
    return try PointSamples(files, points(count), recipe, engine: Engine(threads: 1))
  }

  @Test func withoutAugmentationCloudsAreInferences() throws {
    try Models.withFolder { folder in
      let files = try files(in: folder, points: 300)
      let frontEnd = try PointFrontEnd(points(count), engine: Engine(threads: 1))
      let samples = try samples(files, .none)
      #expect(samples.valueCount == 192 && samples.labels == [[0], [1]])
      #expect(try Models.read(samples, 1) == frontEnd.views(of: URL(fileURLWithPath: files.paths[1])))
    }
  }

  /// Along an axis, scaling and moving keeps ratios of distances: all three axes find the same candidates.
  @Test(arguments: [300, 70, 40])
  func pointsAreCandidatesScaledAndMovedAlongTheAxes(_ size: Int) throws {
    try Models.withFolder { folder in
      let files = try files(in: folder, points: size)
      let frontEnd = try PointFrontEnd(points(min(size, candidates)), engine: Engine(threads: 1))
      let all = try frontEnd.views(of: URL(fileURLWithPath: files.paths[0]))
      let samples = try samples(files, .crop)
      for place in 0..<20 {
        let found = try Models.read(samples, 0, place: place)
        var random = RandomStream(seed: 5, place: place, .augmentation)
        let drawn =
          size > count
          ? PointAugmentation.drawn(count, of: min(size, candidates), &random) : (0..<count).map { $0 % size }
        if size > count { #expect(Set(drawn).count == count) }
        for axis in 0..<3 {
          let pairs = drawn.enumerated().map { (Double(all[3 * $1 + axis]), Double(found[3 * $0 + axis])) }
          let (low, high) = (pairs.min { $0.0 < $1.0 }!, pairs.max { $0.0 < $1.0 }!)
          let scale = (high.1 - low.1) / (high.0 - low.0)
          let offset = low.1 - scale * low.0
          #expect(scale > 0.6666 && scale < 1.5001 && abs(offset) < 0.2001)
          // Values are below 2, and rounded twice.
          #expect(pairs.allSatisfy { abs($0.1 - scale * $0.0 - offset) < 1e-6 }, "place \(place)")
        }
      }
    }
  }

  /// Every point of the file has a label of its own, by which it is found again.
  @Test(arguments: [300, 70, 40], [Recipe.Augmentation.none, .crop])
  func labelsFollowTheirPoints(_ size: Int, _ augmentation: Recipe.Augmentation) throws {
    try Models.withFolder { folder in
      var random = SeededGenerator(seed: 4)
      let numbers = random.floats(3 * size)
      let lines = (0..<size).map { index in
        numbers[3 * index..<3 * index + 3].map { "\($0)" }.joined(separator: " ") + " \(size - 1 - index)"
      }
      let place = folder.appendingPathComponent("thing")
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      try Data(lines.joined(separator: "\n").utf8).write(to: place.appendingPathComponent("cloud.xyz"))
      let all = try PointCloud(coordinates: numbers).normalized()
      let frontEnd = try PointFrontEnd(points(count), engine: Engine(threads: 1))
      var recipe = Recipe()
      recipe.augmentation = augmentation
      let samples = try PointSamples(
        ClassFolders(folder.path, frontEnd), points(count), categories: [.init(name: "thing")], classCount: size,
        recipe, engine: Engine(threads: 1))
      var found = [Float](repeating: .nan, count: samples.valueCount)
      let parts = try found.withUnsafeMutableBufferPointer {
        try samples.readParts(0, RandomStream(seed: 5, .augmentation), into: $0)
      }
      #expect(parts.count == count && Set(parts).count == min(size, count))
      for axis in 0..<3 {
        let pairs = parts.enumerated().map {
          (Double(all.coordinates[3 * (size - 1 - $1) + axis]), Double(found[3 * $0 + axis]))
        }
        let (low, high) = (pairs.min { $0.0 < $1.0 }!, pairs.max { $0.0 < $1.0 }!)
        let scale = (high.1 - low.1) / (high.0 - low.0)
        #expect(augmentation == .crop || pairs.allSatisfy { $0 == $1 })
        // Values are below 2, and rounded twice.
        #expect(pairs.allSatisfy { abs($0.1 - low.1 - scale * ($0.0 - low.0)) < 1e-6 })
      }
    }
  }

  @Test func drawnPointsAreEquallyLikely() {
    var counts = [Int](repeating: 0, count: 10)
    for place in 0..<2000 {
      var random = RandomStream(seed: 6, place: place, .augmentation)
      for index in PointAugmentation.drawn(3, of: 10, &random) { counts[index] += 1 }
    }
    // Deviation of 2000 draws of probability 0.3: 21.
    for count in counts { #expect(abs(count - 600) < 6 * 21) }
  }
}
