import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Preprocessing of clouds: scaling, sampling of surfaces, choice of points.
@Suite struct PointCloudTests {
  @Test func cloudsAreChecked() throws {
    #expect(throws: PointCloudError.empty(values: 0)) { try PointCloud(coordinates: []) }
    #expect(throws: PointCloudError.empty(values: 4)) { try PointCloud(coordinates: [1, 2, 3, 4]) }
    #expect(throws: PointCloudError.self) { try PointCloud(coordinates: [1, 2, .nan]) }
    #expect(throws: PointCloudError.self) { try PointCloud(coordinates: [1, 2, -.infinity]) }
    #expect(throws: PointCloudError.noSuchPoint(triangle: 0, found: 1, count: 1)) {
      try PointCloud(coordinates: [1, 2, 3], triangles: [0, 0, 1])
    }
    #expect(throws: PointCloudError.singlePlace(points: 2)) {
      try PointCloud(coordinates: [1, 2, 3, 1, 2, 3]).normalized()
    }
  }

  @Test func normalizedCloudsAreCentredInTheUnitSphere() throws {
    var random = SeededGenerator(seed: 61)
    for offset in [0, 1000] as [Float] {
      let cloud = try PointCloud(coordinates: random.floats(3 * 500).map { offset + 3 * $0 }).normalized()
      var (mean, longest) = ([0.0, 0.0, 0.0], 0.0)
      for index in 0..<cloud.count {
        let (x, y, z) = (cloud[index].x, cloud[index].y, cloud[index].z)
        mean[0] += Double(x)
        mean[1] += Double(y)
        mean[2] += Double(z)
        longest = max(longest, (Double(x) * Double(x) + Double(y) * Double(y) + Double(z) * Double(z)).squareRoot())
      }
      // Each coordinate is rounded once.
      #expect(mean.allSatisfy { abs($0) <= 500 * unitRoundoff } && abs(longest - 1) <= 2 * unitRoundoff)
    }
  }

  /// Corners far from zero that are exact in float32; the points between them are not.
  @Test func surfacesFarFromZeroKeepTheirShape() throws {
    let corners = [0.0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]
    let (east, north) = (500_000.0, 5_412_345.0)
    let moved = corners.enumerated().map { $1 + ($0 % 3 == 0 ? east : $0 % 3 == 1 ? north : 0) }
    let triangles: [UInt32] = [0, 1, 2, 0, 1, 3, 0, 2, 3, 1, 2, 3]
    let near = try PointCloud(positions: corners, triangles: triangles).sampledSurface(500, seed: 3)
    let far = try PointCloud(positions: moved, triangles: triangles).sampledSurface(500, seed: 3)
    for index in 0..<500 {
      let (found, expected) = (far.position(index), near.position(index) + SIMD3(east, north, 0))
      #expect((0..<3).allSatisfy { abs(found[$0] - expected[$0]) < 1e-6 }, "\(index)")
    }
  }

  /// A long triangle, one of a ninth of its area, and one without area.
  @Test func surfacesAreSampledByArea() throws {
    let mesh = try PointCloud(
      coordinates: [0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 10, 1, 0, 10, 0, 1, 10], triangles: [0, 1, 2, 3, 4, 5, 0, 1, 1])
    let sample = try mesh.sampledSurface(10_000, seed: 7)
    #expect(sample.count == 10_000 && sample.triangles.isEmpty)
    #expect(try sample == mesh.sampledSurface(10_000, seed: 7))
    #expect(try sample != mesh.sampledSurface(10_000, seed: 8))
    var small = 0
    var sum = 0.0
    for index in 0..<sample.count {
      let (x, y, z) = (sample[index].x, sample[index].y, sample[index].z)
      let side: Float = z == 10 ? 1 : 3
      #expect(x >= 0 && y >= 0 && x + y <= side * 1.000001 && (z == 0 || z == 10))
      small += z == 10 ? 1 : 0
      sum += Double(x / side)
    }
    // A tenth of the area, a third of the way: six standard deviations.
    #expect(abs(small - 1000) < 6 * 30 && abs(sum / 10_000 - 1.0 / 3) < 6 * 0.236 / 100)
    // Osada et al. 2002: b and c have the weights r (1 - s) and r s; r is the root of a uniform number in [0, 1).
    let corners: [Float] = [0, 0, 0, 1, 0, 0, 0, 1, 0]
    let one = try PointCloud(coordinates: corners, triangles: [0, 1, 2]).sampledSurface(100, seed: 7)
    var numbers = SeededGenerator(seed: 7)
    func next() -> Double { Double(numbers.next() >> 11) * 0x1p-53 }
    for index in 0..<100 {
      _ = next()
      let (root, share) = (next().squareRoot(), next())
      #expect(one[index].x == Float(root * (1 - share)) && one[index].y == Float(root * share) && one[index].z == 0)
    }
    let points = try PointCloud(coordinates: [0, 0, 0, 1, 1, 1], triangles: [0, 1, 1])
    #expect(try points.sampledSurface(100, seed: 1).coordinates == points.coordinates)
  }

  /// An origin is subtracted if coordinates exceed 8 times the extent and are not exact in float32.
  @Test(arguments: [(7.875, false), (8.125, true), (15.875, true)])
  func farCloudsHaveAnOrigin(_ distance: Double, _ isFar: Bool) throws {
    // The extent is 1; the largest coordinate is `distance`.
    let cloud = try PointCloud(positions: [distance - 1, 0.1, 0, distance, 0.2, 0])
    #expect((cloud.origin != .zero) == isFar)
    if isFar { #expect(cloud.origin == SIMD3((distance - 0.5).rounded(), 0, 0)) }
  }

  @Test func samplingAgreesOnEverySet() throws {
    var random = SeededGenerator(seed: 62)
    let cloud = try PointCloud(coordinates: random.wholeNumbers(3 * 3000, upTo: 9))
    let answers = try InstructionSet.available.flatMap { set in
      try [1, 3].map { threads in
        let sampling = PointSampling(cloud, engine: try Engine(threads: threads, instructionSet: set))
        return try sampling.farthest(200) + sampling.nearest(20, to: cloud)
      }
    }
    #expect(Set(answers).count == 1)
    let first = answers[0]
    #expect(first[0] == 0 && Set(first.prefix(200)).count == 200)
    let few = PointSampling(try PointCloud(coordinates: [0, 0, 0, 2, 0, 0, 1, 0, 0]), engine: try Engine(threads: 1))
    #expect(few.farthest(9) == [0, 1, 2] && few.farthest(0).isEmpty)
    #expect(try few.nearest(9, to: PointCloud(coordinates: [2, 0, 0, 1, 0, 0])) == [1, 2, 0, 2, 0, 1])
  }

  @Test func modelsGetTheirNumberOfPoints() throws {
    var random = SeededGenerator(seed: 63)
    var points = PointConfiguration()
    points.points = 128
    let preprocessor = PointPreprocessor(points, engine: try Engine(threads: 1))
    let many = try PointCloud(coordinates: random.floats(3 * 1000))
    let result = try preprocessor(many)
    #expect(result.values.count == 3 * 128 && Set(result.indices).count == 128 && result.source == many)
    let scaled = try many.normalized()
    #expect(result.values == result.indices.flatMap { scaled.coordinates[3 * $0..<3 * $0 + 3] })
    let few = try preprocessor(PointCloud(coordinates: random.floats(3 * 100)))
    #expect(few.indices == Array(0..<100) + Array(0..<28))
    let mesh = try PointCloud(coordinates: [0, 0, 0, 1, 0, 0, 0, 1, 0], triangles: [0, 1, 2])
    #expect(try preprocessor(mesh).source.count == PointPreprocessor.surfacePoints)
  }
}
