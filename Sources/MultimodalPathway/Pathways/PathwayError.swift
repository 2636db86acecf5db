import PathwayCheckpoints
import PathwayKernels

/// Why a pathway cannot be attached or merged.
public enum PathwayError: CodedError, Equatable {
  /// A text that is no block map, or one that names blocks that there are not.
  case badBlockMap(found: String, reason: String)
  /// Models of different depth joined without a block map.
  case depthMismatch(target: Int, auxiliary: Int)
  /// A weight of the target, (n, k), and one of the auxiliary of another shape.
  case shapeMismatch(layer: String, target: [Int], auxiliary: [Int])
  /// A tensor that a pathway needs and the auxiliary lacks.
  case missingAuxiliary(tensor: String)
  /// A tensor of the auxiliary that is of no shape that a pathway takes.
  case auxiliaryShape(tensor: String, expected: String, found: [Int])
  /// A name that no layer has; `nearest` is the joined layer named most like it.
  case notALayer(found: String, nearest: String?)
  /// A layer that a plan wants in a format that it does not have.
  case neverInt8(layer: String)
  /// A scale of a layer that no pathway joins.
  case notJoined(layer: String)
  /// An auxiliary, from 0, that is not attached.
  case noSuchAuxiliary(found: Int, count: Int)
  /// A scale that is NaN or infinite.
  case scaleNotFinite(layer: String)
  /// A file of scales that is not JSON of the form that the description shows.
  case badScales(file: String, reason: String)
  /// Biases to be combined of which the target has none.
  case biasMissing(layer: String)
  /// Finite numbers that the written format would make infinite: the place of the first, and how many there are.
  case beyondRange(tensor: String, index: [Int], count: Int, type: ElementType)
  /// A type that merged weights cannot be written in.
  case notAFloatType(ElementType)
  /// An output that is one of the inputs.
  case overwritesInput(file: String)

  /// The identifier of the case, stable within a major version.
  public var code: String {
    switch self {
    case .badBlockMap: "pathway.bad-block-map"
    case .depthMismatch: "pathway.depth-mismatch"
    case .shapeMismatch: "pathway.shape-mismatch"
    case .missingAuxiliary: "pathway.missing-auxiliary"
    case .auxiliaryShape: "pathway.auxiliary-shape"
    case .notALayer: "pathway.not-a-layer"
    case .neverInt8: "pathway.never-quantized"
    case .notJoined: "pathway.not-joined"
    case .noSuchAuxiliary: "pathway.no-such-auxiliary"
    case .scaleNotFinite: "pathway.scale-not-finite"
    case .badScales: "pathway.bad-scales"
    case .biasMissing: "pathway.bias-missing"
    case .beyondRange: "pathway.beyond-range"
    case .notAFloatType: "pathway.not-a-float-type"
    case .overwritesInput: "pathway.overwrites-input"
    }
  }

  /// What was found, what was expected and what to do, on one line: text from files is escaped.
  public var description: String { text.onOneLine() }

  private var text: String {
    switch self {
    case .badBlockMap(let found, let reason): "block map '\(found)': \(reason); write it as 0:0,3:1,6:2"
    case .depthMismatch(let target, let auxiliary):
      "the target has \(target) blocks, the auxiliary \(auxiliary); pair them with a block map, such as 0:0,3:1"
    case .shapeMismatch(let layer, let target, let auxiliary):
      "\(layer): the target's weight is \(target), the auxiliary's \(auxiliary); pathways need equal shapes"
    case .missingAuxiliary(let tensor): "the auxiliary has no tensor '\(tensor)'"
    case .auxiliaryShape(let tensor, let expected, let found):
      "the auxiliary's '\(tensor)' has shape \(found), expected \(expected)"
    case .notALayer(let found, let nearest):
      "'\(found)' is not a layer" + (nearest.map { "; did you mean \($0)?" } ?? ".")
        + " Layers are named blocks.0.attn.qkv and so on, or attn.qkv, attn.proj, mlp.fc1, mlp.fc2 in all joined blocks"
    case .neverInt8(let layer): "\(layer) cannot be int8; make it bfloat16 or float32"
    case .notJoined(let layer):
      "\(layer) has a scale but no pathway: it is not in the block map or not among the layers"
    case .noSuchAuxiliary(let found, let count):
      "there is no auxiliary \(found); \(count == 0 ? "none is attached" : "those attached are 0...\(count - 1)")"
    case .scaleNotFinite(let layer): "the scale of \(layer) is not a finite number"
    case .badScales(let file, let reason):
      "\(file): \(reason); expected {\"blocks.0.attn.qkv\": 0.05, ...} or an array with one such object per auxiliary"
    case .biasMissing(let layer):
      "\(layer): the auxiliary has a bias and the target none, so they cannot be combined; "
        + "join the weights alone (`PathwayBias.target`)"
    case .beyondRange(let tensor, let index, let count, let type):
      "'\(tensor)' has \(count) number\(count == 1 ? "" : "s") beyond the range of \(type.rawValue), the first at "
        + "[\(index.map(String.init).joined(separator: ", "))]; write it as F32"
    case .notAFloatType(let type): "a merged file cannot be written as \(type.rawValue); take F32, BF16 or F16"
    case .overwritesInput(let file):
      "\(file) is one of the merge's inputs; a merge cannot be undone, so choose another output"
    }
  }
}
