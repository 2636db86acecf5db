import PathwayKernelTemplates
import PathwayKernels

/// A layer on every point in training, or some columns of its weight: y = x W^T + b.
struct TrainedColumns {
  private let layer: Linear.Loaded
  /// Of columns, the weight's is `sums`.
  private let places: Linear.Gradients
  /// (N, columns): a pass's gradient of some columns, before it is added to theirs.
  private let sums: FloatBuffer?
  /// The weight's panels, packed once a product: of many rows, all threads share them.
  private let panels: FloatBuffer
  /// The gradient of the first column; rows are `stride` floats apart.
  private let first: UnsafeMutablePointer<Float>?
  private let stride: Int

  /// - Parameters:
  ///   - columns: of the weight; absent: all.
  ///   - hasBias: whether the layer's bias belongs to these columns.
  /// - Throws: `BindingError`; `MemoryError`.
  init(
    _ declared: PointwiseLinear, columns: Range<Int>? = nil, hasBias: Bool = true, by loader: ArenaLoader,
    in places: GradientPlaces
  ) throws {
    let (n, all) = (declared.outputs, declared.inputs)
    let bias = hasBias ? declared.bias : nil
    let weight = try loader.place(declared.weight)
    let biases = places[bias].map { [(start: 0, count: n, place: $0)] } ?? []
    let panelCount = LinearProduct.panelCount(loader.engine.kernels, n: n, k: columns?.count ?? all)
    panels = try FloatBuffer(count: panelCount, for: .weights)
    stride = all
    guard let columns else {
      layer = Linear.Loaded(
        folding: FoldedMatrix(weight, n: n, k: all, terms: [], owners: []), bias: try loader.vector(bias))
      self.places = Linear.Gradients(weight: places[declared.weight], biases: biases)
      (sums, first) = (nil, nil)
      return
    }
    let copy = try loader.derived(n * columns.count) { copy in
      for row in 0..<n {
        (copy + row * columns.count).update(from: weight + row * all + columns.lowerBound, count: columns.count)
      }
    }
    layer = try loader.matrix(copy, n: n, k: columns.count, bias: loader.vector(bias))
    first = places[declared.weight].map { $0 + columns.lowerBound }
    sums = first == nil ? nil : try FloatBuffer(count: n * columns.count, for: .weights)
    self.places = Linear.Gradients(weight: sums?.base, biases: biases)
  }

  var inputs: Int { layer.weight.k }
  var outputs: Int { layer.weight.n }
  /// Whether it has no gradient.
  var isFrozen: Bool { places.isEmpty }
  /// Bytes of its own memory.
  var byteCount: Int { 4 * (panels.count + (sums?.count ?? 0)) }

  /// Floats of scratch of each thread.
  func scratchCount(_ kernels: KernelTable) -> Int {
    max(LinearProduct.scratchCount(kernels, k: inputs), LinearGradient.scratchCount(kernels, n: outputs))
  }

  /// y = epilogue(x W^T + b).
  ///
  /// - Parameters:
  ///   - x: (rows, columns), row stride `xStride`.
  ///   - y: (rows, N), row stride `yStride`; may be the epilogue's addend.
  func run(
    _ member: inout Member, _ kernels: KernelTable, x: UnsafePointer<Float>, xStride: Int, rows: Int,
    y: UnsafeMutablePointer<Float>, yStride: Int, epilogue: Epilogue = Epilogue(),
    scratch: UnsafeMutablePointer<Float>
  ) {
    // A layer without branches needs no sums of them.
    layer.run(
      &member, kernels, a: Activations(x, stride: xStride), m: rows, c: y, ldc: yStride, epilogue: epilogue,
      partial: scratch, panels: panels.base, scratch: scratch)
  }

  /// dW += dY^T X and db += the sum of dY's rows.
  func addGradients(
    _ member: inout Member, _ kernels: KernelTable, dy: UnsafePointer<Float>, dyStride: Int, x: UnsafePointer<Float>,
    xStride: Int, rows: Int, scratch: UnsafeMutablePointer<Float>
  ) {
    let (n, k) = (outputs, inputs)
    if let sums {
      member.parallelForRows(n) { (sums.base + $0.start * k).update(repeating: 0, count: ($0.end - $0.start) * k) }
    }
    layer.addGradients(
      &member, kernels, dy: dy, dyStride: dyStride, x: x, xStride: xStride, m: rows, into: places, scratch: scratch)
    guard let sums, let first else { return }
    member.parallelForRows(n) { range in
      for row in range.start..<range.end {
        let (place, sum) = (first + row * stride, sums.base + row * k)
        for column in 0..<k { place[column] += sum[column] }
      }
    }
  }

  /// dX = epilogue(dY W).
  func inputGradient(
    _ member: inout Member, _ kernels: KernelTable, dy: UnsafePointer<Float>, dyStride: Int, rows: Int,
    dx: UnsafeMutablePointer<Float>, dxStride: Int, epilogue: Epilogue = Epilogue(),
    scratch: UnsafeMutablePointer<Float>
  ) {
    layer.inputGradient(
      &member, kernels, dy: dy, dyStride: dyStride, m: rows, dx: dx, dxStride: dxStride, epilogue: epilogue,
      panels: panels.base, scratch: scratch)
  }
}
