import Foundation
import PathwayCheckpoints
import PathwayKernelTemplates
import PathwayKernels

extension PathwayWeights {
  /// The plain transformer that computes the same: every joined layer's weight replaced by `W + sum_m lambda_m W'_m`.
  ///
  /// Pure. Each element is one `fma(lambda_m, W'_m, .)` per auxiliary in float32, which is what folding does while it packs:
  /// the folded and the merged model have the same bits. A layer without a non-zero scale keeps the target's bits.
  /// - Complexity: one pass over the joined weights, on all threads of `engine`.
  public func merged(engine: Engine) throws -> ModelWeights {
    var tensors = target.tensors
    for block in 0..<target.configuration.depth {
      for layer in PathwayLayer.allCases {
        let terms = try terms(block, layer)
        guard !terms.isEmpty else { continue }
        let name = layer.name(inBlock: block)
        tensors[name + ".weight"] = try Self.folded(try target.tensor(name + ".weight"), terms, engine: engine)
        guard terms.contains(where: { $0.bias != nil }), let bias = try bias(block, layer) else { continue }
        if layer == .qkv, target.configuration.qkvBias == .queryAndValue {
          let width = target.configuration.width
          tensors["blocks.\(block).attn.q_bias"] = Tensor(Array(bias[..<width]), shape: [width])
          tensors["blocks.\(block).attn.v_bias"] = Tensor(Array(bias[(2 * width)...]), shape: [width])
        } else {
          tensors[name + ".bias"] = Tensor(bias, shape: [bias.count])
        }
      }
    }
    var metadata = target.metadata
    metadata["format"] = "pt"
    metadata["m2pt.version"] = multimodalPathwayVersion
    metadata["m2pt.scales"] = scalesText
    return try ModelWeights(
      checkpoint: Checkpoint(tensors: tensors, metadata: metadata), configuration: target.configuration)
  }

  /// Merges and writes a safetensors file that timm loads with `strict=True`, with the sources' SHA-256 in its metadata.
  ///
  /// - Parameter inputs: the files of target and auxiliaries.
  /// - Throws: `PathwayError.overwritesInput` before anything is computed; `CheckpointError`.
  public func writeMerged(to output: URL, inputs: [URL], engine: Engine) throws {
    let place = output.resolvingSymlinksInPath().standardizedFileURL
    for input in inputs where input.resolvingSymlinksInPath().standardizedFileURL == place {
      throw PathwayError.overwritesInput(file: output.path)
    }
    let merged = try merged(engine: engine)
    var metadata = merged.metadata
    for (index, input) in inputs.enumerated() {
      metadata["m2pt.source.\(index)"] = "\(input.lastPathComponent) sha256:\(try FileDigest.sha256(of: input))"
    }
    try Checkpoint(tensors: merged.tensors, metadata: metadata).write(to: output)
  }

  /// All scales as JSON: one object per auxiliary.
  private var scalesText: String {
    let objects = pathways.map { pathway in
      "{" + pathway.scales.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
    }
    return "[" + objects.joined(separator: ",") + "]"
  }

  private static func folded(_ weight: Tensor, _ terms: [Term], engine: Engine) throws -> Tensor {
    let piece = 1 << 16
    let pieces = (weight.count + piece - 1) / piece
    return try Tensor(shape: weight.shape) { destination in
      guard let out = destination.baseAddress else { return }
      try WeightPointers(weight, terms).use { weight, terms in
        try engine.run { member in
          member.share(pieces) { index in
            let start = index * piece
            withUnsafeTemporaryAllocation(of: FoldTerm.self, capacity: terms.count) { shifted in
              for m in 0..<terms.count {
                shifted[m] = FoldTerm(scale: terms[m].scale, weight: terms[m].weight + start)
              }
              guard let first = shifted.baseAddress else { return }
              engine.kernels.fold(
                weight + start, first, terms.count, min(piece, destination.count - start), out + start)
            }
          }
        }
      }
    }
  }
}

/// The release, as `m2pt --version` and merged files state it.
public let multimodalPathwayVersion = "0.1.0"

/// A float32 weight and its pathways as the pointers that kernels take.
struct WeightPointers {
  let weight: Tensor
  let terms: [PathwayWeights.Term]

  init(_ weight: Tensor, _ terms: [PathwayWeights.Term]) {
    self.weight = weight
    self.terms = terms
  }

  /// What must live as long as the pointers are used.
  var owners: [Any] { [weight] + terms.map(\.weight) }

  /// Tensors never move, so the pointers hold for as long as `owners` do.
  func use<R>(_ body: (UnsafePointer<Float>, [FoldTerm]) throws -> R) throws -> R {
    // SAFETY: binding made every tensor float32; kernels load without regard to alignment.
    func pointer(_ tensor: Tensor) throws -> UnsafePointer<Float> {
      try tensor.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress, tensor.elementType == .float32 else {
          throw CheckpointError.notFloatingPoint(found: tensor.elementType)
        }
        return base.assumingMemoryBound(to: Float.self)
      }
    }
    let folds = try terms.map { FoldTerm(scale: $0.scale, weight: try pointer($0.weight)) }
    defer { withExtendedLifetime(self) {} }
    return try body(try pointer(weight), folds)
  }
}
