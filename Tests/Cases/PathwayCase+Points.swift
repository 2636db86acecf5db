import MultimodalPathway

extension PathwayCase {
  /// The steps before the first layer of a point transformer, for 8,192 points in a cube.
  public static let points = [
    sampling("512 farthest of 8,192 points", operations: 8 * 8192 * 512) { sampling, _ in
      sampling.farthest(512)
    },
    sampling("32 nearest of 8,192 points to 512 of them", operations: 8 * 8192 * 512) { sampling, cloud in
      try sampling.nearest(32, to: PointCloud(coordinates: Array(cloud.coordinates.prefix(3 * 512))))
    },
  ]

  private static func sampling(
    _ name: String, operations: Double, _ work: @escaping @Sendable (PointSampling, PointCloud) throws -> [Int]
  ) -> PathwayCase {
    PathwayCase(name: name, items: 1, operations: operations) { engine in
      var state: UInt64 = 1
      let cloud = try PointCloud(
        coordinates: (0..<3 * 8192).map { _ in
          state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          return Float(state >> 40) * 0x1p-24
        })
      let sampling = PointSampling(cloud, engine: engine)
      return PathwayRun(outputCount: try work(sampling, cloud).count) { output in
        for (index, value) in try work(sampling, cloud).enumerated() { output.base[index] = Float(value) }
      }
    }
  }
}
