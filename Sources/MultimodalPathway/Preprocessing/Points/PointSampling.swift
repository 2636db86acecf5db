import PathwayKernelTemplates
import PathwayKernels

/// Sampling and neighbourhoods of a cloud's points: exact, and the same on every instruction set and for any number of
/// threads.
public struct PointSampling: Sendable {
  private let engine: Engine
  private let arrays: FloatBuffer
  private let count: Int

  /// The points of a cloud, copied by axis.
  public init(_ cloud: PointCloud, engine: Engine) {
    self.engine = engine
    count = cloud.count
    arrays = FloatBuffer(count: 3 * count)
    for index in 0..<count {
      for axis in 0..<3 { arrays.base[axis * count + index] = cloud.coordinates[3 * index + axis] }
    }
  }

  private var points: PointArrays {
    PointArrays(x: arrays.base, y: arrays.base + count, z: arrays.base + 2 * count, count: count)
  }

  /// Indices of `samples` points: the first is 0, each next one that of the point farthest from all before it, of equal
  /// ones the lowest.
  ///
  /// - Parameters:
  ///   - samples: at most as many as there are points; of more, the number of points is taken.
  ///   - skippingOrigin: whether points of x^2 + y^2 + z^2 <= 0.001 are left out, as by the CUDA sampler that Point-MAE
  ///     was trained with.
  /// - Complexity: O(points x samples).
  public func farthest(_ samples: Int, skippingOrigin: Bool = false) -> [Int] {
    let wanted = max(0, min(samples, count))
    let distances = FloatBuffer(count: count)
    var indices = [Int32](repeating: 0, count: wanted)
    indices.withUnsafeMutableBufferPointer { indices in
      guard let base = indices.baseAddress, wanted > 0 else { return }
      // SAFETY: a float for every point, an index for every sample.
      engine.kernels.farthestPoints(points, wanted, skippingOrigin ? 1e-3 : -1, distances.base, base)
    }
    return indices.map(Int.init)
  }

  /// For each of `places`, the indices of its `neighbours` nearest points, by distance and among equal ones by index:
  /// (places, neighbours) in a row.
  ///
  /// - Parameter neighbours: at most as many as there are points; of more, the number of points is taken.
  /// - Throws: `EngineError`.
  public func nearest(_ neighbours: Int, to places: PointCloud) throws -> [Int] {
    let wanted = max(0, min(neighbours, count))
    guard wanted > 0 else { return [] }
    let stride = wanted + nearestScratchCount(neighbours: wanted)
    let distances = FloatBuffer(count: engine.threads * stride)
    var indices = [Int32](repeating: 0, count: wanted * places.count)
    let points = points
    try indices.withUnsafeMutableBufferPointer { indices in
      guard let base = indices.baseAddress else { return }
      try engine.run { member in
        let scratch = distances.base + member.index * stride
        // Some at a time: one place is soon done.
        let piece = 16
        member.parallelFor((places.count + piece - 1) / piece) { index in
          for item in index * piece..<min(places.count, (index + 1) * piece) {
            let place = places[item]
            // SAFETY: the row is this item's, the scratch this member's.
            engine.kernels.nearestPoints(
              points, Place(x: place.x, y: place.y, z: place.z), wanted, scratch, base + item * wanted, scratch + wanted
            )
          }
        }
      }
    }
    return indices.map(Int.init)
  }
}
