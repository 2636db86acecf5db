import PathwayKernelTemplates
import PathwayKernels

/// What comes before the layers of a point tokenizer: centres, groups, and class tokens in their rows.
struct PointSampler: Sendable {
  let c: VisionTransformerConfiguration
  let p: PointConfiguration
  /// (C) each.
  let classToken: FloatBuffer?
  let classPosition: FloatBuffer?

  /// Floats of scratch of `gather`.
  static func scratchCount(_ p: PointConfiguration) -> Int {
    2 * p.groupSize + nearestScratchCount(neighbours: p.groupSize)
  }

  /// One cloud's points as arrays, its centres, and what stands before its groups.
  ///
  /// - Parameter points: (P, 3).
  func sample(
    _ kernels: KernelTable, _ points: UnsafePointer<Float>, _ cloud: Int, _ w: Workspace.Buffers,
    _ buffers: PointBuffers
  ) {
    let arrays = buffers.cloud(cloud)
    for index in 0..<p.points {
      for axis in 0..<3 { arrays.axis(axis)[index] = points[3 * index + axis] }
    }
    let chosen = buffers.chosen + cloud * p.groups
    kernels.farthestPoints(arrays.points, p.groups, p.excludedNorm, arrays.distances, chosen)
    let centers = buffers.centers(cloud)
    for group in 0..<p.groups {
      for axis in 0..<3 { centers.axis(axis)[group] = arrays.axis(axis)[Int(chosen[group])] }
    }
    if let classToken, let classPosition {
      let row = cloud * w.tokens * w.stride
      (w.x + row).update(from: classToken.base, count: c.width)
      (buffers.positions + row).update(from: classPosition.base, count: c.width)
    }
  }

  /// The points of some groups of a cloud less their centres, (groups, K, 3), and the centres, (groups, 3).
  ///
  /// - Parameter scratch: `scratchCount` floats of this thread.
  func gather(
    _ kernels: KernelTable, _ cloud: Int, _ groups: Span1D, _ buffers: PointBuffers,
    neighbours: UnsafeMutablePointer<Float>, places: UnsafeMutablePointer<Float>,
    scratch distances: UnsafeMutablePointer<Float>
  ) {
    // SAFETY: as many 4-byte integers as floats were set aside, and nothing reads them as floats.
    let nearest = UnsafeMutableRawPointer(distances + p.groupSize).bindMemory(to: Int32.self, capacity: p.groupSize)
    let search = distances + 2 * p.groupSize
    let (points, centers) = (buffers.cloud(cloud), buffers.centers(cloud))
    for group in 0..<groups.end - groups.start {
      let center = centers.place(groups.start + group)
      kernels.nearestPoints(points.points, center, p.groupSize, distances, nearest, search)
      let row = neighbours + group * p.groupSize * 3
      for index in 0..<p.groupSize {
        let place = points.place(Int(nearest[index]))
        row[3 * index] = place.x - center.x
        row[3 * index + 1] = place.y - center.y
        row[3 * index + 2] = place.z - center.z
      }
      (places[3 * group], places[3 * group + 1], places[3 * group + 2]) = (center.x, center.y, center.z)
    }
  }
}
