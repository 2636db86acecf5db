/// The four linear layers of a block that a pathway can join, with timm's names.
public enum PathwayLayer: String, Sendable, CaseIterable {
  case qkv = "attn.qkv"
  case projection = "attn.proj"
  case fc1 = "mlp.fc1"
  case fc2 = "mlp.fc2"

  /// `blocks.N.attn.qkv` and so on: how scales are named.
  public func name(inBlock block: Int) -> String { "blocks.\(block).\(rawValue)" }
}

/// Which block of the auxiliary each block of the target is joined to.
public enum BlockMap: Sendable, Equatable {
  /// Block i with block i; depths must be equal.
  case identity
  /// Block i with block depth - 1 - i: the paper's ablation.
  case reversed
  /// Target block to auxiliary block; blocks that are not named have no pathway.
  case explicit([Int: Int])

  /// Reads `0:0,3:1,6:2` (target:auxiliary), `identity` or `reversed`.
  ///
  /// - Throws: `PathwayError.badBlockMap`.
  public init(parsing text: String) throws {
    switch text {
    case "identity": self = .identity
    case "reversed": self = .reversed
    default:
      var map: [Int: Int] = [:]
      for pair in text.split(separator: ",", omittingEmptySubsequences: false) {
        let numbers = pair.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
        guard numbers.count == 2, let target = numbers[0], let auxiliary = numbers[1], map[target] == nil else {
          throw PathwayError.badBlockMap(
            found: text, reason: "'\(pair)' is not a new TARGET:AUXILIARY pair of block numbers")
        }
        map[target] = auxiliary
      }
      self = .explicit(map)
    }
  }

  /// Target block to auxiliary block, checked against both depths.
  func resolved(targetDepth: Int, auxiliaryDepth: Int) throws -> [Int: Int] {
    switch self {
    case .identity, .reversed:
      guard targetDepth == auxiliaryDepth else {
        throw PathwayError.depthMismatch(target: targetDepth, auxiliary: auxiliaryDepth)
      }
      return Dictionary(
        uniqueKeysWithValues: (0..<targetDepth).map { ($0, self == .identity ? $0 : targetDepth - 1 - $0) })
    case .explicit(let map):
      for (target, auxiliary) in map.sorted(by: { $0.key < $1.key })
      where !(0..<targetDepth).contains(target) || !(0..<auxiliaryDepth).contains(auxiliary) {
        throw PathwayError.badBlockMap(
          found: "\(target):\(auxiliary)",
          reason: "the target has blocks 0...\(targetDepth - 1), the auxiliary 0...\(auxiliaryDepth - 1)")
      }
      return map
    }
  }
}

/// What becomes of the bias of a joined layer.
public enum PathwayBias: String, Sendable, CaseIterable {
  /// `b_hat = b`, as in the paper's released code.
  case target
  /// `b_hat = b + lambda b'`.
  case combined
}

/// Why a pathway cannot be attached or merged.
public enum PathwayError: Error, Equatable, CustomStringConvertible {
  case badBlockMap(found: String, reason: String)
  case depthMismatch(target: Int, auxiliary: Int)
  case shapeMismatch(layer: String, target: [Int], auxiliary: [Int])
  case missingAuxiliary(tensor: String)
  case unrecognizedAuxiliary(names: [String])
  case notALayer(found: String)
  case scaleNotFinite(layer: String)
  case biasMissing(layer: String)
  case overwritesInput(file: String)

  public var description: String {
    switch self {
    case .badBlockMap(let found, let reason): "block map '\(found)': \(reason); write it as 0:0,3:1,6:2"
    case .depthMismatch(let target, let auxiliary):
      "the target has \(target) blocks, the auxiliary \(auxiliary); pair them with a block map (--block-map 0:0,3:1)"
    case .shapeMismatch(let layer, let target, let auxiliary):
      "\(layer): the target's weight is \(target), the auxiliary's \(auxiliary); pathways need equal shapes"
    case .missingAuxiliary(let tensor): "the auxiliary has no tensor '\(tensor)'"
    case .unrecognizedAuxiliary(let names):
      "the auxiliary's layout is not known; its tensors begin with \(names.joined(separator: ", "))"
    case .notALayer(let found):
      "'\(found)' is not a joined layer; use names like blocks.0.attn.qkv, or attn.qkv, attn.proj, mlp.fc1, mlp.fc2"
    case .scaleNotFinite(let layer): "the scale of \(layer) is not a finite number"
    case .biasMissing(let layer):
      "\(layer): the auxiliary has a bias and the target none, so they cannot be combined; keep the target's (no --bias)"
    case .overwritesInput(let file):
      "\(file) is one of the merge's inputs; a merge cannot be undone, so choose another output"
    }
  }
}
