import PathwayCheckpoints
import PathwayKernelTemplates
import PathwayKernels

extension Linear {
  /// A linear layer's weights, ready for products, with its pathways in one of the three executions.
  struct Loaded: Sendable {
    let weight: WeightMatrix
    /// The auxiliaries' branches; empty except in two-branch execution.
    let branches: [(scale: Float, weight: WeightMatrix)]
    let bias: FloatBuffer?

    /// A layer whose weights and pathways stay where they are.
    init(folding weight: FoldedMatrix, bias: FloatBuffer?) {
      (self.weight, self.bias) = (.folding(weight), bias)
      branches = []
    }

    /// - Throws: `WeightNotFinite`; `EngineError`.
    init(
      _ tensor: Tensor, terms: [PathwayWeights.Term], bias: [Float]?, execution: PathwayExecution,
      precision: Precision = .float32, arena: WeightArena, engine: Engine
    ) throws {
      let (n, k) = (tensor.shape[0], tensor.count / max(1, tensor.shape[0]))
      func packed(_ tensor: Tensor, _ terms: [PathwayWeights.Term]) throws -> WeightMatrix {
        // Packed weights and those of the file together would be twice the memory.
        defer { for source in [tensor] + terms.map(\.weight) { source.releasePages() } }
        return try WeightPointers(tensor, terms).use {
          .packed(try PackedMatrix($0, n: n, k: k, terms: $1, precision: precision, arena: arena, engine: engine))
        }
      }
      if let bias, !bias.allSatisfy(\.isFinite) { throw WeightNotFinite() }
      let isFolding = execution == .folded && !terms.isEmpty
      if isFolding {
        let sources = WeightPointers(tensor, terms)
        weight = try sources.use {
          for source in [$0] + $1.map(\.weight) where !(try engine.allFinite(source, count: n * k)) {
            throw WeightNotFinite()
          }
          return .folding(FoldedMatrix($0, n: n, k: k, terms: $1, precision: precision, owners: sources.owners))
        }
      } else {
        weight = try packed(tensor, execution == .twoBranch ? [] : terms)
      }
      branches = execution == .twoBranch ? try terms.map { ($0.scale, try packed($0.weight, [])) } : []
      self.bias = bias.map(FloatBuffer.init(copying:))
    }

    var precision: Precision { weight.precision }

    /// c = epilogue(x W^T), all of it or `columns` (whole panels): the branches go first and wait in `partial`, (m, N)
    /// with row stride N, as the epilogue's addend.
    ///
    /// - Parameters:
    ///   - a: x, in the layer's precision.
    ///   - c: (m, N), row stride `ldc` elements.
    ///   - panels: room for those of weights that are folded; absent: as in `LinearProduct.run`.
    @inline(__always)
    func run(
      _ member: inout Member, _ kernels: KernelTable, a: Activations, m: Int, c: UnsafeMutableRawPointer, ldc: Int,
      columns: Range<Int>? = nil, epilogue: Epilogue, partial: UnsafeMutablePointer<Float>,
      panels: UnsafeMutablePointer<Float>? = nil, scratch: UnsafeMutablePointer<Float>
    ) {
      var epilogue = epilogue
      epilogue.bias = bias.map { UnsafePointer($0.base) }
      for index in branches.indices {
        var sum = Epilogue()
        sum.scale = branches[index].scale
        if index > 0 {
          sum.addend = UnsafePointer(partial)
          sum.addendStride = weight.n
        }
        LinearProduct.run(
          &member, kernels, weight: branches[index].weight, a: a, m: m, c: partial, ldc: weight.n, columns: columns,
          epilogue: sum, scratch: scratch)
        epilogue.addend = UnsafePointer(partial)
        epilogue.addendStride = weight.n
      }
      LinearProduct.run(
        &member, kernels, weight: weight, a: a, m: m, c: c, ldc: ldc, columns: columns, epilogue: epilogue,
        panels: panels, scratch: scratch)
    }

    /// The same in float32: a (m, K) with row stride `lda`.
    @inline(__always)
    func run(
      _ member: inout Member, _ kernels: KernelTable, a: UnsafePointer<Float>, lda: Int, m: Int,
      c: UnsafeMutablePointer<Float>, ldc: Int, epilogue: Epilogue, partial: UnsafeMutablePointer<Float>,
      scratch: UnsafeMutablePointer<Float>
    ) {
      run(
        &member, kernels, a: Activations(a, stride: lda), m: m, c: c, ldc: ldc, epilogue: epilogue, partial: partial,
        scratch: scratch)
    }
  }
}

extension FloatBuffer {
  /// A copy of `values`.
  convenience init(copying values: [Float]) {
    self.init(count: values.count)
    base.update(from: values, count: values.count)
  }
}
