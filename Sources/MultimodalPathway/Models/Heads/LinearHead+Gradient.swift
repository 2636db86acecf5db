import PathwayKernelTemplates
import PathwayKernels

extension LinearHead {
  func trained(by loader: ArenaLoader, in places: GradientPlaces, batch: Int) throws -> any TrainedHead {
    Trained(
      loaded: Loaded(layer: try loader.linear(layer), readsTokens: false), gradients: layer.gradients(in: places))
  }

  /// Inference's forward pass with a backward pass.
  struct Trained: TrainedHead {
    fileprivate let loaded: Loaded
    fileprivate let gradients: Linear.Gradients

    func run(_ member: inout Member, _ kernels: KernelTable, inputs: UnsafePointer<Float>, _ w: Workspace.Buffers) {
      loaded.run(&member, kernels, inputs: inputs, w)
    }

    ///     logits = head(pooled)
    func runGradient(
      _ member: inout Member, _ kernels: KernelTable, inputs _: UnsafePointer<Float>, _ w: Workspace.Buffers,
      _ g: GradientBuffers, logitGradients: UnsafePointer<Float>
    ) {
      let (layer, classes) = (loaded.layer, loaded.layer.weight.n)
      layer.addGradients(
        &member, kernels, dy: logitGradients, dyStride: classes, x: w.pooled, xStride: w.pooledStride, m: w.batch,
        into: gradients, scratch: w.scratch(member))
      layer.inputGradient(
        &member, kernels, dy: logitGradients, dyStride: classes, m: w.batch, dx: g.pooled, dxStride: w.pooledStride,
        scratch: w.scratch(member))
    }
  }
}

extension DistilledHead {
  func trained(by loader: ArenaLoader, in places: GradientPlaces, batch: Int) throws -> any TrainedHead {
    let (classes, width) = (head.outputs, head.inputs)
    let sums = try FloatBuffer(count: SystemMemory.product(classes, 2 * width + 1), for: .weights)
    return Trained(
      loaded: try weights(by: loader), layers: [head, distilled].map { $0.gradients(in: places) }, sums: sums,
      joined: Linear.Gradients(weight: sums.base, biases: [(0, classes, sums.base + classes * 2 * width)]),
      width: width)
  }

  /// Inference's forward pass with a backward pass.
  struct Trained: TrainedHead {
    fileprivate let loaded: LinearHead.Loaded
    /// Of `head` and `head_dist`.
    fileprivate let layers: [Linear.Gradients]
    /// The gradients of the joined layer: (classes, 2C), then (classes).
    fileprivate let sums: FloatBuffer
    fileprivate let joined: Linear.Gradients
    /// C.
    fileprivate let width: Int

    var memory: [(part: String, bytes: Int)] { [("gradients of both heads", 4 * sums.count)] }

    func run(_ member: inout Member, _ kernels: KernelTable, inputs: UnsafePointer<Float>, _ w: Workspace.Buffers) {
      loaded.run(&member, kernels, inputs: inputs, w)
    }

    ///     logits = 0.5 (head(class token) + head_dist(distillation token))
    func runGradient(
      _ member: inout Member, _ kernels: KernelTable, inputs _: UnsafePointer<Float>, _ w: Workspace.Buffers,
      _ g: GradientBuffers, logitGradients: UnsafePointer<Float>
    ) {
      let (layer, classes) = (loaded.layer, loaded.layer.weight.n)
      let biases = sums.base + classes * 2 * width
      member.parallelForRows(classes) { rows in
        (sums.base + rows.start * 2 * width).update(repeating: 0, count: (rows.end - rows.start) * 2 * width)
        (biases + rows.start).update(repeating: 0, count: rows.end - rows.start)
      }
      layer.addGradients(
        &member, kernels, dy: logitGradients, dyStride: classes, x: w.keptTokens, xStride: w.pooledStride, m: w.batch,
        into: joined, scratch: w.scratch(member))
      for (part, places) in layers.enumerated() {
        member.parallelForRows(classes) { rows in
          for row in rows.start..<rows.end {
            let sum = sums.base + (row * 2 + part) * width
            if let place = places.weight {
              for column in 0..<width { place[row * width + column] += 0.5 * sum[column] }
            }
            for bias in places.biases { bias.place[row] += 0.5 * biases[row] }
          }
        }
      }
      layer.inputGradient(
        &member, kernels, dy: logitGradients, dyStride: classes, m: w.batch, dx: g.keptTokens,
        dxStride: w.pooledStride, scratch: w.scratch(member))
    }
  }
}

extension Pooler.Loaded {
  /// Turns the gradient of the pooled features, in `g.pooled`, into that of the tokens that are kept apart, and adds
  /// those of its parameters.
  ///
  ///     pooled = tanh(W x + b)
  ///
  /// - Parameter w: as `run` left it.
  func runGradient(
    _ member: inout Member, _ kernels: KernelTable, _ w: Workspace.Buffers, _ g: GradientBuffers,
    into gradients: Linear.Gradients
  ) {
    let (width, stride) = (dense.weight.n, w.pooledStride)
    member.parallelFor(w.batch) { input in
      let (value, slope) = (w.pooled + input * stride, g.pooled + input * stride)
      for column in 0..<width { slope[column] *= 1 - value[column] * value[column] }
    }
    dense.addGradients(
      &member, kernels, dy: g.pooled, dyStride: stride, x: w.keptTokens, xStride: stride, m: w.batch, into: gradients,
      scratch: w.scratch(member))
    dense.inputGradient(
      &member, kernels, dy: g.pooled, dyStride: stride, m: w.batch, dx: g.keptTokens, dxStride: stride,
      scratch: w.scratch(member))
  }
}
