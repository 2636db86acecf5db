import PathwayKernelTemplates
import PathwayKernels

/// What a pass over point clouds needs in addition to a transformer's workspace.
struct PointBuffers {
  /// Points of one cloud as three arrays, or its centres, in memory of the pass.
  struct Arrays {
    let base: UnsafeMutablePointer<Float>
    let stride: Int
    let count: Int

    func axis(_ axis: Int) -> UnsafeMutablePointer<Float> { base + axis * stride }
    /// A fourth array after them.
    var distances: UnsafeMutablePointer<Float> { axis(3) }
    var points: PointArrays { PointArrays(x: axis(0), y: axis(1), z: axis(2), count: count) }

    func place(_ index: Int) -> Place { Place(x: axis(0)[index], y: axis(1)[index], z: axis(2)[index]) }
  }

  /// (B, N, C) with the stride of the tokens.
  let positions: UnsafeMutablePointer<Float>
  /// Indices of the centres, (B, G).
  let chosen: UnsafeMutablePointer<Int32>
  /// The number of every cloud's category, (B); -1 for none. Written before the pass starts.
  let categories: UnsafeMutablePointer<Int32>
  /// Normalised outputs of the blocks that a per-point head reads, side by side, (B N, F C) with `featureStride`.
  let features: UnsafeMutablePointer<Float>
  let featureStride: Int
  /// Their first propagation layer, (B N, w0) with `propagatedStride`.
  let propagated: UnsafeMutablePointer<Float>
  let propagatedStride: Int
  /// Maximum and mean of the features, (B, 2 F C).
  let global: UnsafeMutablePointer<Float>
  /// What they and the category add to every point of the cloud, (B, w).
  let shared: UnsafeMutablePointer<Float>
  let scratch: UnsafeMutablePointer<Float>
  let scratchStride: Int
  private let points: UnsafeMutablePointer<Float>
  private let centers: UnsafeMutablePointer<Float>
  private let pointStride: Int
  private let pointCount: Int
  private let groups: Int
  private let memory: FloatBuffer

  var floatCount: Int { memory.count }

  func cloud(_ index: Int) -> Arrays {
    Arrays(base: points + index * 4 * pointStride, stride: pointStride, count: pointCount)
  }

  func centers(_ index: Int) -> Arrays {
    Arrays(base: centers + index * 3 * groups, stride: groups, count: groups)
  }

  /// - Parameter stride: from one token to the next.
  /// - Throws: `MemoryError`.
  init(
    _ c: VisionTransformerConfiguration, _ p: PointConfiguration, batch: Int, tokens: Int, stride: Int, engine: Engine
  ) throws {
    let parts = c.parts
    let kernels = engine.kernels
    (pointCount, groups) = (p.points, p.groups)
    pointStride = (p.points + 15) / 16 * 16
    let featureWidth = parts.map { $0.featureBlocks.count * c.width } ?? 0
    featureStride = Workspace.padded(featureWidth)
    propagatedStride = Workspace.padded(parts.map { $0.propagation(width: c.width)[0] } ?? 0)
    let headScratch =
      switch c.head {
      case .points(let hiddenWidths): PointClassHead.scratchCount(hiddenWidths: hiddenWidths, kernels)
      case .parts(let parts): PartHead.scratchCount(c, parts, kernels)
      case .linear, .distilled, .pooler: 0
      }
    scratchStride = Workspace.padded(max(PointTokenizer.scratchCount(c, p, kernels), headScratch))
    let perCloud = [
      SystemMemory.product(tokens, stride), 4 * pointStride, 3 * groups, groups, 1,
      SystemMemory.product(tokens, featureStride), SystemMemory.product(tokens, propagatedStride), 2 * featureWidth,
      parts?.pointWidths[0] ?? 0,
    ]
    let sizes = try Workspace.rounded(
      perCloud.map { SystemMemory.product(batch, $0) } + [SystemMemory.product(engine.threads, scratchStride)],
      batch: batch)
    memory = try FloatBuffer(count: sizes.reduce(0, +), for: .pass(batch: batch))
    var next = memory.base
    let pieces = sizes.map { size in
      defer { next += size }
      return next
    }
    positions = pieces[0]
    points = pieces[1]
    centers = pieces[2]
    // SAFETY: as many 4-byte integers as floats were set aside, and nothing reads them as floats.
    chosen = UnsafeMutableRawPointer(pieces[3]).bindMemory(to: Int32.self, capacity: batch * groups)
    categories = UnsafeMutableRawPointer(pieces[4]).bindMemory(to: Int32.self, capacity: batch)
    features = pieces[5]
    propagated = pieces[6]
    global = pieces[7]
    shared = pieces[8]
    scratch = pieces[9]
  }
}
