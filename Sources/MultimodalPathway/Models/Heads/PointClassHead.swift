import PathwayCheckpoints
import PathwayKernelTemplates
import PathwayKernels
import PathwayLoops

/// The class head of point transformers: linear layers with batch norm and ReLU between them, of the pooled features.
struct PointClassHead: Head {
  let layers: [PointwiseLinear]
  /// Elements of what the head reads.
  private let inputs: Int

  /// - Parameter scope: the model's root.
  init(_ scope: ParameterScope, _ c: VisionTransformerConfiguration, hiddenWidths: [Int]) {
    let widths = [c.pooledWidth] + hiddenWidths + [c.classCount]
    inputs = c.pooledWidth
    // As PyTorch's `Sequential` of (Linear, BatchNorm1d, ReLU, Dropout) counts them.
    layers = (0...hiddenWidths.count).map { index in
      PointwiseLinear(
        scope("cls_head_finetune"), "\(4 * index)", widths[index], widths[index + 1], isConvolution: false,
        norm: index < hiddenWidths.count ? "\(4 * index + 1)" : nil)
    }
  }

  /// On disk, the layer that makes the logits.
  static func lastName(hidden count: Int) -> String { "cls_head_finetune.\(4 * count)" }

  var products: Double { layers.reduce(0) { $0 + $1.products(rows: 1) } }
  var linears: [Linear] { [] }

  func weightBytes(_ loader: WeightLoader) throws -> Int {
    layers.reduce(0) { $0 + loader.byteCount($1.outputs, $1.inputs) }
  }

  /// It has scratch of its own.
  func needs(_: KernelTable) -> WorkspaceNeeds { WorkspaceNeeds() }

  func loaded(by loader: some ParameterLoader) throws -> any LoadedHead {
    Loaded(
      layers: try loader.made { values in
        try layers.map { try FoldedLayer(FoldedWeights($0, values.read), engine: values.engine) }
      },
      widest: layers.dropLast().map(\.outputs).max() ?? 0, inputs: inputs, products: products)
  }

  func reference(_ pass: ReferencePass, _ input: DoubleBuffer, rows: Int) throws -> DoubleBuffer? {
    try layers.reduce(input) { input, layer in
      let folded = try FoldedWeights(layer, pass.weights.target)
      let product = try DoubleProduct(folded.tensor, terms: [], bias: folded.bias.map { Float($0) })
      let (y, error) = try pass.apply(product, to: input, rows: rows)
      pass.probe(y, error, count: rows * product.n)
      if layer.norm != nil { for index in 0..<y.count { y.base[index] = max(0, y.base[index]) } }
      return y
    }
  }

  /// Floats of scratch of every thread.
  static func scratchCount(hiddenWidths: [Int], _ kernels: KernelTable) -> Int {
    2 * (hiddenWidths.max() ?? 0) + FoldedLayer.scratchCount(kernels, rows: 1)
  }

  /// The head's weights in memory.
  struct Loaded: LoadedHead {
    fileprivate let layers: MadePart<[FoldedLayer]>
    /// Channels of the widest layer but the last.
    fileprivate let widest: Int
    fileprivate let inputs: Int
    fileprivate let products: Double

    var weightBytes: Int { FoldedLayer.byteCount(layers.part) }

    func run(_ member: inout Member, _ kernels: KernelTable, inputs _: UnsafePointer<Float>?, _ w: Workspace.Buffers) {
      guard let buffers = w.points else { return }
      let layers = layers.part
      let scratch = buffers.scratch + member.index * buffers.scratchStride
      member.parallelFor(w.batch) { cloud in
        var input = UnsafePointer(w.pooled) + cloud * w.pooledStride
        for index in layers.indices {
          let layer = layers[index]
          let isLast = index == layers.count - 1
          let output = isLast ? w.logits + cloud * layer.matrix.n : scratch + index % 2 * widest
          layer.run(
            kernels, input, lda: layer.matrix.k, rows: 1, output, ldc: layer.matrix.n, relu: !isLast,
            scratch: scratch + 2 * widest)
          input = UnsafePointer(output)
        }
      }
    }

    func work(batch: Int, _: KernelTable) -> ForwardWork {
      var work = ForwardWork.moving(batch * (inputs + (layers.part.last?.matrix.n ?? 0)), weights: weightBytes)
      work.operations = 2 * Double(batch) * products
      return work
    }
  }
}
