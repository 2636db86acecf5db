import PathwayCheckpoints

/// Why a pathway cannot be attached or merged.
public enum PathwayError: Error, Equatable, CustomStringConvertible {
  case badBlockMap(found: String, reason: String)
  case depthMismatch(target: Int, auxiliary: Int)
  case shapeMismatch(layer: String, target: [Int], auxiliary: [Int])
  case missingAuxiliary(tensor: String)
  case auxiliaryShape(tensor: String, expected: String, found: [Int])
  /// A name that no layer has; `nearest` is the joined layer named most like it.
  case notALayer(found: String, nearest: String?)
  /// A layer that a plan wants in a format that it does not have.
  case neverInt8(layer: String)
  case notJoined(layer: String)
  case scaleNotFinite(layer: String)
  case badScales(file: String, reason: String)
  case biasMissing(layer: String)
  /// Finite numbers that the written format would make infinite: the place of the first, and how many there are.
  case beyondRange(tensor: String, index: [Int], count: Int, type: ElementType)
  case notAFloatType(ElementType)
  case overwritesInput(file: String)

  /// One line, whatever names the file has in it.
  public var description: String { text.onOneLine() }

  private var text: String {
    switch self {
    case .badBlockMap(let found, let reason): "block map '\(found)': \(reason); write it as 0:0,3:1,6:2"
    case .depthMismatch(let target, let auxiliary):
      "the target has \(target) blocks, the auxiliary \(auxiliary); pair them with a block map (--block-map 0:0,3:1)"
    case .shapeMismatch(let layer, let target, let auxiliary):
      "\(layer): the target's weight is \(target), the auxiliary's \(auxiliary); pathways need equal shapes"
    case .missingAuxiliary(let tensor): "the auxiliary has no tensor '\(tensor)'"
    case .auxiliaryShape(let tensor, let expected, let found):
      "the auxiliary's '\(tensor)' has shape \(found), expected \(expected)"
    case .notALayer(let found, let nearest):
      "'\(found)' is not a layer" + (nearest.map { "; did you mean \($0)?" } ?? "")
        + " Layers are named blocks.0.attn.qkv and so on, or attn.qkv, attn.proj, mlp.fc1, mlp.fc2 in all joined blocks"
    case .neverInt8(let layer): "\(layer) cannot be int8; make it bfloat16 or float32"
    case .notJoined(let layer):
      "\(layer) has a scale but no pathway: it is not in the block map or not among the layers"
    case .scaleNotFinite(let layer): "the scale of \(layer) is not a finite number"
    case .badScales(let file, let reason):
      "\(file): \(reason); expected {\"blocks.0.attn.qkv\": 0.05, ...} or an array with one such object per auxiliary"
    case .biasMissing(let layer):
      "\(layer): the auxiliary has a bias and the target none, so they cannot be combined; "
        + "keep the target's (no --bias)"
    case .beyondRange(let tensor, let index, let count, let type):
      "'\(tensor)' has \(count) number\(count == 1 ? "" : "s") beyond the range of \(type.rawValue), the first at "
        + "[\(index.map(String.init).joined(separator: ", "))]; write it as F32"
    case .notAFloatType(let type): "a merged file cannot be written as \(type.rawValue); take F32, BF16 or F16"
    case .overwritesInput(let file):
      "\(file) is one of the merge's inputs; a merge cannot be undone, so choose another output"
    }
  }
}
