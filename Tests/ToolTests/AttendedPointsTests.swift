import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Attention to groups as a value of every point, in the output of `m2pt attention`.
@Suite struct AttendedPointsTests {
  private struct Answer: Decodable {
    var attention: [[Double]]
    var centers: [[Double]]
  }

  /// PointNet++'s interpolation: the three nearest centres, by inverse squared distance.
  @Test func pointsAreBetweenTheirThreeNearestCentres() throws {
    try Tool.withFolder { folder in
      let model = folder.appendingPathComponent("model")
      let golden = try PointToolTests.makeModel("classifier", in: model)
      let points = try #require(golden.tensors["points"])
      let count = points.shape[1]
      let cloud = try PointCloud(coordinates: Array(points.float32().prefix(3 * count)))
      let file = folder.appendingPathComponent("cloud.xyz")
      let text = (0..<count).map { "\(cloud[$0].x) \(cloud[$0].y) \(cloud[$0].z)" }.joined(separator: "\n")
      try Data(text.utf8).write(to: file)
      let output = folder.appendingPathComponent("look.ply")
      let run = try Tool.run(["attention", "--model", model.path, file.path, "--output", output.path, "--json"])
      try #require(run.status == 0, "\(run.errors)")
      let answer = try JSONDecoder().decode(Answer.self, from: Data(run.output.utf8))
      let groups = answer.attention.flatMap { $0 }
      #expect(groups.count == answer.centers.count && groups.count == 20)

      let data = try Data(contentsOf: output)
      let header = try #require(data.firstRange(of: Data("property float attention\nend_header\n".utf8)))
      try #require(data.count == header.upperBound + 19 * count)
      for point in 0..<count {
        let found = data.withUnsafeBytes {
          Float(bitPattern: $0.loadUnaligned(fromByteOffset: header.upperBound + 19 * point + 15, as: UInt32.self))
        }
        let place = [cloud[point].x, cloud[point].y, cloud[point].z].map(Double.init)
        let squares = answer.centers.map { zip($0, place).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } }
        let nearest = squares.indices.sorted { squares[$0] < squares[$1] }.prefix(3)
        guard let first = nearest.first, squares[first] > 0 else {
          #expect(groups.map { Float($0) }.contains(found), "a centre has its group's value")
          continue
        }
        let weights = nearest.map { 1 / squares[$0] }
        let expected = zip(nearest, weights).reduce(0) { $0 + groups[$1.0] * $1.1 } / weights.reduce(0, +)
        // Coordinates are scaled and rounded to float32 first: distances of 0.01 and more move by less than 2^-15.
        #expect(abs(Double(found) - expected) <= 0x1p-12 * expected, "\(point): \(found), expected \(expected)")
      }
    }
  }
}
