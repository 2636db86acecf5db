import PathwayCheckpoints
import PathwayKernelTemplates
import PathwayKernels

/// The class head of point transformers: linear layers with batch norm and ReLU between them, of the pooled features.
struct ClassHead: Sendable {
  private let layers: [FoldedLayer]
  /// Channels of the widest layer but the last.
  private let widest: Int

  /// Names of the layers and of the norms behind them, as PyTorch's `Sequential` of (Linear, BatchNorm1d, ReLU,
  /// Dropout) counts them.
  static func names(_ p: PointConfiguration) -> [(layer: String, norm: String?)] {
    (0...p.headWidths.count).map { index in
      ("cls_head_finetune.\(4 * index)", index < p.headWidths.count ? "cls_head_finetune.\(4 * index + 1)" : nil)
    }
  }

  init(_ weights: ModelWeights, _ p: PointConfiguration, engine: Engine) throws {
    layers = try Self.names(p).map { names in
      try FoldedLayer(FoldedWeights(weights, names.layer, norm: names.norm), engine: engine)
    }
    widest = p.headWidths.max() ?? 0
  }

  /// Of all packed weights.
  var weightBytes: Int { FoldedLayer.byteCount(layers) }

  /// Floats of scratch of every thread.
  static func scratchCount(_: VisionTransformerConfiguration, _ p: PointConfiguration, _ kernels: KernelTable) -> Int {
    2 * (p.headWidths.max() ?? 0) + FoldedLayer.scratchCount(kernels, rows: 1)
  }

  /// Logits, (B, classes) in `w.logits`, of `w.pooled`.
  func run(_ member: inout Member, _ kernels: KernelTable, _ w: Workspace.Buffers, _ buffers: PointBuffers) {
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
}

extension VisionTransformerConfiguration {
  /// On disk, the one layer of a head that has no hidden ones: timm's `head`, or the first of a point transformer's. A
  /// distilled model has two, whose mean is the same layer of the mean of their tokens where they are the same.
  public var linearHeadNames: [String] {
    points != nil ? ["cls_head_finetune.0"] : isDistilled ? ["head", "head_dist"] : ["head"]
  }
}
