import Foundation
import PathwayCheckpoints
import PathwayKernelTemplates
import PathwayKernels

extension PathwayWeights {
  /// The plain transformer that computes the same: every joined layer's weight replaced by `W + sum_m lambda_m W'_m`.
  ///
  /// Pure. Each element is one `fma(lambda_m, W'_m, .)` per auxiliary in float32, which is what folding does while it
  /// packs: the folded and the merged model have the same bits. A layer without a non-zero scale keeps the target's
  /// bits, also where the auxiliary's weights are not finite.
  /// - Throws: `NotFiniteError` where the target's weights, an auxiliary's with a scale other than 0, or their sums are
  ///   not finite.
  /// - Complexity: one pass over the weights, on all threads of `engine`.
  public func merged(engine: Engine) throws -> ModelWeights {
    let changes = try changes()
    var tensors = target.tensors.merging(changes.biases) { $1 }
    for (name, terms) in changes.terms {
      tensors[name] = try Self.folded(try target.tensor(name), terms, engine: engine)
    }
    let merged = ModelWeights(
      configuration: target.configuration, tensors: tensors, metadata: try mergedMetadata(), files: [],
      storedType: .float32, preprocessing: target.preprocessing)
    do {
      try merged.requireFinite(engine: engine)
    } catch let error as NotFiniteError {
      throw try notFiniteError(engine: engine) ?? error
    }
    return merged
  }

  /// What merging changes: by name of the tensor, the terms of weights that have any, and new biases.
  func changes() throws -> (terms: [String: [Term]], biases: [String: Tensor]) {
    var (weights, biases): ([String: [Term]], [String: Tensor]) = ([:], [:])
    for layer in TransformerLayers(target.configuration).blocks.flatMap(\.linears) {
      let terms = try terms(of: layer)
      guard !terms.isEmpty else { continue }
      weights[layer.weight.name] = terms
      guard terms.contains(where: { $0.bias != nil }), let bias = try bias(of: layer) else { continue }
      biases.merge(layer.stored(bias)) { $1 }
    }
    return (weights, biases)
  }

  func mergedMetadata() throws -> [String: String] {
    let isOurs: (String) -> Bool = { $0.hasPrefix("m2pt.") }
    var metadata = target.metadata.filter { !isOurs($0.key) }
    var previous = target.metadata.filter { isOurs($0.key) }
    previous[ModelWeights.configurationKey] = nil
    metadata["format"] = "pt"
    metadata["m2pt.version"] = multimodalPathwayVersion
    metadata[ModelWeights.configurationKey] = String(
      decoding: try target.configuration.timmJSON(preprocessing: target.preprocessing), as: UTF8.self)
    metadata["m2pt.scales"] = PathwayScales.json(pathways.map(\.scales))
    metadata["m2pt.block_maps"] = pathways.map { pathway in
      pathway.blocks.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }.joined(separator: ",")
    }.joined(separator: ";")
    metadata["m2pt.layers"] = pathways.map { pathway in
      pathway.layers.map(\.rawValue).joined(separator: ",")
    }.joined(separator: ";")
    if pathways.contains(where: { $0.auxiliary.chosenKey != nil }) {
      metadata["m2pt.auxiliary_weights"] = pathways.map { $0.auxiliary.chosenKey ?? "" }.joined(separator: ";")
    }
    // Of the target itself, not of a merge or conversion that it came from.
    if previous["m2pt.version"] == nil {
      metadata[Checkpoint.chosenKey] = previous.removeValue(forKey: Checkpoint.chosenKey)
    }
    metadata["m2pt.biases"] = pathways.map(\.bias.rawValue).joined(separator: ";")
    if !previous.isEmpty {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      metadata["m2pt.previous"] = String(decoding: try encoder.encode(previous), as: UTF8.self)
    }
    return metadata
  }

  static func folded(_ weight: Tensor, _ terms: [Term], engine: Engine) throws -> Tensor {
    try SystemMemory.require(SystemMemory.product(weight.count, 4), for: .weights)
    return try Tensor(shape: weight.shape) { destination in
      guard let out = destination.baseAddress else { return }
      try WeightPointers(weight, terms).use { weight, terms in
        let pieces = (destination.count + foldedPiece - 1) / foldedPiece
        try engine.run { member in
          member.parallelFor(pieces) { index in
            let start = index * foldedPiece
            fold(
              weight, terms, start..<min(start + foldedPiece, destination.count), engine.kernels, into: out + start)
          }
        }
      }
    }
  }

  /// Elements that are folded at once: 256 KiB of W, as much of each term and of the result, in a second-level cache.
  static let foldedPiece = 1 << 16

  /// Elements `range` of `W + sum_m lambda_m W'_m`, to `out`.
  static func fold(
    _ weight: UnsafePointer<Float>, _ terms: [FoldTerm], _ range: Range<Int>, _ kernels: KernelTable,
    into out: UnsafeMutablePointer<Float>
  ) {
    withUnsafeTemporaryAllocation(of: FoldTerm.self, capacity: terms.count) { shifted in
      for m in 0..<terms.count {
        shifted[m] = FoldTerm(scale: terms[m].scale, weight: terms[m].weight + range.lowerBound)
      }
      guard let first = shifted.baseAddress else { return }
      kernels.fold(weight + range.lowerBound, first, terms.count, range.count, out)
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
