import PathwayKernelTemplates
import PathwayKernels

extension PointClassHead {
  func trained(by loader: ArenaLoader, in places: GradientPlaces, batch: Int) throws -> any TrainedHead {
    try Trained(layers, by: loader, in: places, batch: batch)
  }

  /// The head in training: its batch norms are over the inputs of a batch.
  struct Trained: TrainedHead {
    let memory: [(part: String, bytes: Int)]
    private let layers: [TrainedColumns]
    /// After every layer but the last.
    private let norms: [TrainedBatchNorm]
    private let pieces: FloatPieces
    /// Before and after every norm, (B, width); afterwards their gradients.
    private let inputs: [UnsafeMutablePointer<Float>]
    private let outputs: [UnsafeMutablePointer<Float>]
    private let scratch: UnsafeMutablePointer<Float>
    private let scratchStride: Int

    fileprivate init(
      _ declared: [PointwiseLinear], by loader: ArenaLoader, in places: GradientPlaces, batch: Int
    ) throws {
      layers = try declared.map { try TrainedColumns($0, by: loader, in: places) }
      norms = try declared.compactMap(\.norm).map { try TrainedBatchNorm($0, rows: batch, by: loader, in: places) }
      scratchStride = Workspace.padded(layers.reduce(0) { max($0, $1.scratchCount(loader.engine.kernels)) })
      let widths = declared.dropLast().map { SystemMemory.product(batch, $0.outputs) }
      pieces = try FloatPieces(
        widths + widths + [SystemMemory.product(loader.engine.threads, scratchStride)], batch: batch)
      inputs = Array(pieces.pieces.prefix(widths.count))
      outputs = Array(pieces.pieces[widths.count..<2 * widths.count])
      scratch = pieces.pieces[2 * widths.count]
      let sums = norms.reduce(0) { $0 + $1.byteCount }
      memory = [("hidden rows of the head", pieces.byteCount), ("sums of the head", sums)]
    }

    var leastBatch: Int { norms.isEmpty ? 1 : 2 }

    func run(_ member: inout Member, _ kernels: KernelTable, inputs _: UnsafePointer<Float>, _ w: Workspace.Buffers) {
      let scratch = scratch + member.index * scratchStride
      for (index, layer) in layers.enumerated() {
        let (x, stride) = input(of: index, w)
        let n = layer.outputs
        guard index < norms.count else {
          layer.run(
            &member, kernels, x: x, xStride: stride, rows: w.batch, y: w.logits, yStride: n, scratch: scratch)
          continue
        }
        layer.run(
          &member, kernels, x: x, xStride: stride, rows: w.batch, y: inputs[index], yStride: n, scratch: scratch)
        norms[index].measure(&member, kernels, x: inputs[index], xStride: n, rows: w.batch)
        norms[index].run(
          &member, kernels, x: inputs[index], xStride: n, y: outputs[index], yStride: n, rows: w.batch)
      }
    }

    ///     logits = last(relu(norm(... relu(norm(first(pooled))))))
    func runGradient(
      _ member: inout Member, _ kernels: KernelTable, inputs _: UnsafePointer<Float>, _ w: Workspace.Buffers,
      _ g: GradientBuffers, logitGradients: UnsafePointer<Float>
    ) {
      let scratch = scratch + member.index * scratchStride
      var dy = logitGradients
      for index in layers.indices.reversed() {
        let layer = layers[index]
        let (x, stride) = input(of: index, w)
        let n = layer.outputs
        if index < norms.count {
          norms[index].runGradient(
            &member, kernels, x: inputs[index], xStride: n, dy: outputs[index], dyStride: n, dx: inputs[index],
            dxStride: n, rows: w.batch)
          dy = UnsafePointer(inputs[index])
        }
        layer.addGradients(
          &member, kernels, dy: dy, dyStride: n, x: x, xStride: stride, rows: w.batch, scratch: scratch)
        layer.inputGradient(
          &member, kernels, dy: dy, dyStride: n, rows: w.batch, dx: index > 0 ? outputs[index - 1] : g.pooled,
          dxStride: stride, scratch: scratch)
      }
    }

    /// What a layer reads.
    private func input(of index: Int, _ w: Workspace.Buffers) -> (x: UnsafePointer<Float>, stride: Int) {
      index == 0 ? (UnsafePointer(w.pooled), w.pooledStride) : (UnsafePointer(outputs[index - 1]), layers[index].inputs)
    }
  }
}
