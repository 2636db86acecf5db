import PathwayKernelTemplates
import PathwayKernels
import TestSupport
import Testing

/// Sampling and neighbours of points with whole coordinates, whose distances are exact and often equal.
@Suite struct PointTests {
  /// Three arrays of whole numbers, each after a NaN, so that vectors are not aligned.
  struct Cloud {
    let x, y, z: [Float]
    let count: Int

    init(_ count: Int, upTo limit: Int, _ random: inout SeededGenerator) {
      x = [.nan] + random.wholeNumbers(count, upTo: limit) + [.nan]
      y = [.nan] + random.wholeNumbers(count, upTo: limit) + [.nan]
      z = [.nan] + random.wholeNumbers(count, upTo: limit) + [.nan]
      self.count = count
    }

    func place(_ index: Int) -> Place { Place(x: x[index + 1], y: y[index + 1], z: z[index + 1]) }

    func squaredDistance(_ index: Int, _ place: Place) -> Double {
      let (dx, dy, dz) = (x[index + 1] - place.x, y[index + 1] - place.y, z[index + 1] - place.z)
      return Double(dx * dx + dy * dy + dz * dz)
    }

    func use<R>(_ body: (PointArrays) -> R) -> R {
      x.withUnsafeBufferPointer { x in
        y.withUnsafeBufferPointer { y in
          z.withUnsafeBufferPointer { z in
            body(PointArrays(x: x.baseAddress! + 1, y: y.baseAddress! + 1, z: z.baseAddress! + 1, count: count))
          }
        }
      }
    }

    func farthest(_ samples: Int, excluded: Double) -> [Int32] {
      let origin = Place(x: 0, y: 0, z: 0)
      var distances = (0..<count).map { squaredDistance($0, origin) <= excluded ? -1 : Double.infinity }
      var result: [Int32] = [0]
      while result.count < samples {
        let last = place(Int(result.last!))
        for index in 0..<count { distances[index] = min(distances[index], squaredDistance(index, last)) }
        result.append(Int32(distances.firstIndex(of: distances.max()!)!))
      }
      return result
    }

    func nearest(_ neighbours: Int, to place: Place) -> [Int32] {
      let order = (0..<count).sorted { (squaredDistance($0, place), $0) < (squaredDistance($1, place), $1) }
      return order.prefix(neighbours).map(Int32.init)
    }
  }

  private func kernels(_ set: InstructionSet) throws -> KernelTable {
    try Engine(threads: 1, instructionSet: set).kernels
  }

  /// Few distinct places, so that most distances are equal; counts around vectors and blocks.
  @Test(arguments: InstructionSet.available)
  func farthestPoints(_ set: InstructionSet) throws {
    let kernels = try kernels(set)
    var random = SeededGenerator(seed: 41)
    for count in Array(1...70) + [1023, 1024, 1025, 2047, 2048, 2055, 3100] {
      for (limit, excluded) in [(2, -1), (100, -1), (3, 6)] {
        let cloud = Cloud(count, upTo: limit, &random)
        let samples = count <= 70 ? count + 2 : 40
        var distances = [Float](repeating: .nan, count: count + 1)
        var indices = [Int32](repeating: -7, count: samples + 1)
        cloud.use { kernels.farthestPoints($0, samples, Float(excluded), &distances, &indices) }
        #expect(Array(indices.dropLast()) == cloud.farthest(samples, excluded: Double(excluded)), "\(count) points")
        #expect(indices.last == -7 && distances.last!.isNaN, "\(count) points")
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func nearestPoints(_ set: InstructionSet) throws {
    let kernels = try kernels(set)
    var random = SeededGenerator(seed: 42)
    for count in Array(1...70) + [255, 1025, 3100] {
      for limit in [1, 4, 100] {
        let cloud = Cloud(count, upTo: limit, &random)
        for neighbours in Set([1, min(count, 3), min(count, 32), count <= 70 ? count : 33]) {
          let place = cloud.place(Int.random(in: 0..<count, using: &random))
          var distances = [Float](repeating: .nan, count: neighbours + 1)
          var indices = [Int32](repeating: -7, count: neighbours + 1)
          let needed = nearestScratchCount(neighbours: neighbours)
          var scratch = [Float](repeating: .nan, count: needed + 1)
          cloud.use { kernels.nearestPoints($0, place, neighbours, &distances, &indices, &scratch) }
          #expect(scratch[needed].isNaN)
          let expected = cloud.nearest(neighbours, to: place)
          #expect(Array(indices.dropLast()) == expected, "\(neighbours) of \(count) points")
          let squares = expected.map { Float(cloud.squaredDistance(Int($0), place)) }
          #expect(Array(distances.dropLast()) == squares && distances.last!.isNaN && indices.last == -7)
        }
      }
    }
  }

  /// A NaN is never near, and every index is that of a point.
  @Test(arguments: InstructionSet.available)
  func nearestPointsOfBrokenClouds(_ set: InstructionSet) throws {
    let kernels = try kernels(set)
    for broken in [Float.nan, .infinity, 1e30] {
      var x = [Float](repeating: broken, count: 100)
      x[7] = 2
      x[91] = 1
      var (distances, indices) = ([Float](repeating: 0, count: 5), [Int32](repeating: -1, count: 5))
      var scratch = [Float](repeating: .nan, count: nearestScratchCount(neighbours: 5))
      x.withUnsafeBufferPointer { x in
        let points = PointArrays(x: x.baseAddress!, y: x.baseAddress!, z: x.baseAddress!, count: 100)
        kernels.nearestPoints(points, Place(x: 0, y: 0, z: 0), 5, &distances, &indices, &scratch)
      }
      #expect(distances == [3, 12, .infinity, .infinity, .infinity] && indices == [91, 7, 0, 0, 0])
    }
  }

  /// Coordinates of any size: all sets find the same points, because none uses fused multiply-adds.
  @Test func setsAgreeToTheBit() throws {
    var random = SeededGenerator(seed: 43)
    let (x, y, z) = (random.floats(5000), random.floats(5000), random.floats(5000))
    var answers: [[Int32]] = []
    for set in InstructionSet.available {
      let kernels = try kernels(set)
      var distances = [Float](repeating: 0, count: 5000)
      var (samples, neighbours) = ([Int32](repeating: 0, count: 600), [Int32](repeating: 0, count: 64))
      x.withUnsafeBufferPointer { x in
        y.withUnsafeBufferPointer { y in
          z.withUnsafeBufferPointer { z in
            let points = PointArrays(x: x.baseAddress!, y: y.baseAddress!, z: z.baseAddress!, count: 5000)
            kernels.farthestPoints(points, 600, 1e-3, &distances, &samples)
            var scratch = [Float](repeating: 0, count: nearestScratchCount(neighbours: 64))
            kernels.nearestPoints(points, Place(x: x[17], y: y[18], z: z[19]), 64, &distances, &neighbours, &scratch)
          }
        }
      }
      answers.append(samples + neighbours + distances.prefix(64).map { Int32(bitPattern: $0.bitPattern) })
    }
    #expect(Set(answers).count == 1)
  }

  @Test(arguments: InstructionSet.available)
  func mixedRows(_ set: InstructionSet) throws {
    let kernels = try kernels(set)
    var random = SeededGenerator(seed: 44)
    for width in 1...70 {
      let stride = width + 3
      let rows = random.wholeNumbers(5 * stride, upTo: 1000)
      let (indices, weights): ([Int32], [Float]) = ([3, 0, 3], [2, -1, 4])
      var y = [Float](repeating: .nan, count: width + 1)
      kernels.mixRows(rows, stride, indices, weights, width, &y)
      let isRight = (0..<width).allSatisfy { y[$0] == 6 * rows[3 * stride + $0] - rows[$0] }
      #expect(isRight && y[width].isNaN, "width \(width)")
    }
  }
}
