import Foundation
import PathwayKernelTemplates
import PathwayKernels
import PathwayLoops

/// A linear layer with tanh of the class token, which makes the pooled features: Hugging Face's ViTModel
/// (`pooler_output`).
struct Pooler: Sendable {
  let dense: Linear

  /// - Parameters:
  ///   - scope: the model's root.
  ///   - outputs: P.
  init(_ scope: ParameterScope, width: Int, outputs: Int) { dense = Linear(scope("pooler.dense"), width, outputs) }

  func loaded(by loader: some ParameterLoader) throws -> Loaded { Loaded(dense: try loader.linear(dense)) }

  /// The weights in memory.
  struct Loaded: Sendable {
    let dense: Linear.Loaded

    /// tanh(W x + b) of the tokens that are kept apart, into the pooled features.
    func run(_ member: inout Member, _ kernels: KernelTable, _ w: Workspace.Buffers) {
      dense.run(
        &member, kernels, a: w.keptTokens, lda: w.pooledStride, m: w.batch, c: w.pooled, ldc: w.pooledStride,
        epilogue: Epilogue(), partial: w.partial, scratch: w.scratch(member))
      member.parallelFor(w.batch) { image in
        let row = w.pooled + image * w.pooledStride
        for column in 0..<dense.weight.n { row[column] = tanh(row[column]) }
      }
    }
  }

  /// (rows, P) of every copy of the class token, (rows, C); tanh's value is rounded.
  func reference(_ pass: ReferencePass, _ tokens: DoubleBuffer, rows: Int) throws -> DoubleBuffer {
    let (y, error) = try dense.reference(pass, tokens, rows: rows)
    pass.probe(y, error, count: rows * dense.outputs)
    for index in 0..<y.count { y.base[index] = tanh(y.base[index]) }
    (0..<error.count).forEach { error.base[$0] = unitRoundoff * abs(y.base[$0]) }
    pass.probe(y, error, count: error.count)
    return y
  }
}
