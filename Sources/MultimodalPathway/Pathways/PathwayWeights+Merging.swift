import Foundation
import PathwayCheckpoints
import PathwayKernelTemplates
import PathwayKernels

extension PathwayWeights {
  /// The plain transformer that computes the same: every joined layer's weight replaced by `W + sum_m lambda_m W'_m`.
  ///
  /// Pure. Each element is one `fma(lambda_m, W'_m, .)` per auxiliary in float32, which is what folding does while it
  /// packs: the folded and the merged model have the same bits. A layer without a non-zero scale keeps the target's
  /// bits.
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
    return ModelWeights(
      configuration: target.configuration, tensors: tensors, metadata: try mergedMetadata(), files: [],
      storedType: .float32)
  }

  /// Merges and writes a safetensors file that timm loads with `strict=True`.
  ///
  /// Its metadata say where it comes from: the sources' names and SHA-256, scales, block maps, bias rules, this
  /// release, the target's `config.json`, and under `m2pt.previous` the same of a target that was merged itself.
  ///
  /// - Parameters:
  ///   - type: float32, bfloat16 or float16; a narrower one costs one rounding, of the finished sums.
  ///   - inputs: files beside the target's and the auxiliaries' own that must not be overwritten.
  /// - Throws: `PathwayError.overwritesInput` before anything is computed: a merge cannot be undone from its result;
  ///   `CheckpointError`.
  public func writeMerged(
    to output: URL, as type: ElementType = .float32, inputs: [URL] = [], engine: Engine
  ) throws {
    guard ModelWeights.writtenTypes.contains(type) else { throw PathwayError.notAFloatType(type) }
    let sources = [("target", target.files)] + pathways.enumerated().map { ("auxiliary.\($0)", $1.auxiliary.files) }
    for input in sources.flatMap(\.1) + inputs where FileIdentity(input) == FileIdentity(output) {
      throw PathwayError.overwritesInput(file: output.path)
    }
    let merged = try merged(engine: engine)
    var metadata = merged.metadata
    for (role, files) in sources {
      for (index, file) in files.enumerated() {
        let key = "m2pt.source.\(role)" + (files.count == 1 ? "" : ".\(index)")
        metadata[key] = "\(file.lastPathComponent) sha256:\(try FileDigest.sha256(of: file))"
      }
    }
    metadata["m2pt.dtype"] = type.rawValue
    metadata["m2pt.target_dtype"] = target.storedType.rawValue
    try Checkpoint(tensors: try merged.rounded(to: type), metadata: metadata).write(to: output)
  }

  private func mergedMetadata() throws -> [String: String] {
    let isOurs: (String) -> Bool = { $0.hasPrefix("m2pt.") }
    var metadata = target.metadata.filter { !isOurs($0.key) }
    var previous = target.metadata.filter { isOurs($0.key) }
    previous[ModelWeights.configurationKey] = nil
    metadata["format"] = "pt"
    metadata["m2pt.version"] = multimodalPathwayVersion
    metadata[ModelWeights.configurationKey] = String(decoding: try target.configuration.timmJSON(), as: UTF8.self)
    metadata["m2pt.scales"] = PathwayScales.json(pathways.map(\.scales))
    metadata["m2pt.block_maps"] = pathways.map { pathway in
      pathway.blocks.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }.joined(separator: ",")
    }.joined(separator: ";")
    metadata["m2pt.layers"] = pathways.map { pathway in
      pathway.layers.map(\.rawValue).joined(separator: ",")
    }.joined(separator: ";")
    metadata["m2pt.biases"] = pathways.map(\.bias.rawValue).joined(separator: ";")
    if !previous.isEmpty {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      metadata["m2pt.previous"] = String(decoding: try encoder.encode(previous), as: UTF8.self)
    }
    return metadata
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

/// What makes two paths the same file: links resolved, and hard links through the file system's own number.
private struct FileIdentity {
  private let path: String
  private let number: [Int]?

  init(_ url: URL) {
    path = url.resolvingSymlinksInPath().standardizedFileURL.path
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    let numbers = [attributes?[.systemNumber], attributes?[.systemFileNumber]].compactMap { $0 as? Int }
    number = numbers.count == 2 ? numbers : nil
  }

  static func == (a: FileIdentity, b: FileIdentity) -> Bool {
    a.path == b.path || (a.number != nil && a.number == b.number)
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
