import PathwayCheckpoints
import PathwayKernels

/// Why the names of a checkpoint cannot be translated to timm's.
public enum CheckpointLayoutError: CodedError, Equatable {
  /// Tensor names of no known layout; `names` are some of them.
  case unrecognized(names: [String])
  /// Several transformers in one file, by the prefixes of their names.
  case ambiguous(prefixes: [String])
  /// A transformer whose layers do not correspond to those of a vision transformer.
  case refused(title: String, reason: String)
  /// Tensors that do not share the prefix of all others.
  case outside(prefix: String, names: [String])
  /// Chunks of blocks that do not number the blocks from 0 without gaps.
  case chunks(block: String, found: [String])
  /// A tensor that is absent, and a tensor of the file that requires it.
  case missing(tensor: String, requiredBy: String)
  /// Tensors that would get the same name.
  case duplicate(name: String, sources: [String])
  /// Tensors that belong together and whose shapes cannot be joined.
  case shapes(tensors: [String], shapes: [[Int]])
  /// A layout that can only be an auxiliary.
  case notAVisionTransformer(CheckpointLayout)
  /// Layers after the blocks that this engine does not have.
  case unsupportedHead(feature: String, names: [String])

  private static func list(_ names: [String], limit: Int = 6) -> String {
    names.prefix(limit).joined(separator: ", ") + (names.count > limit ? ", ..." : "")
  }

  private static func quoted(_ prefixes: [String], _ separator: String, limit: Int = 12) -> String {
    let shown = prefixes.prefix(limit).map { "'\($0)'" }.joined(separator: separator)
    return shown + (prefixes.count > limit ? " and \(prefixes.count - limit) others" : "")
  }

  /// Whether prefixes differ only in numbers.
  private static func areNumbered(_ prefixes: [String]) -> Bool {
    prefixes.count > 1 && Set(prefixes.map { $0.filter { !$0.isNumber } }).count == 1
  }

  /// The identifier of the case, stable within a major version.
  public var code: String {
    switch self {
    case .unrecognized: "layout.unrecognized"
    case .ambiguous: "layout.ambiguous"
    case .refused: "layout.refused"
    case .outside: "layout.outside"
    case .chunks: "layout.chunks"
    case .missing: "layout.missing"
    case .duplicate: "layout.duplicate"
    case .shapes: "layout.shapes"
    case .notAVisionTransformer: "layout.not-a-vision-transformer"
    case .unsupportedHead: "layout.unsupported-head"
    }
  }

  /// What was found, what was expected and what to do, on one line: text from files is escaped.
  public var description: String { text.onOneLine() }

  private var text: String {
    switch self {
    case .unrecognized(let names):
      "the checkpoint's layout is not known; its tensors are named like \(names.joined(separator: ", ")); "
        + "known: \(CheckpointLayout.allCases.map(\.rawValue).joined(separator: ", "))"
    case .ambiguous(let prefixes):
      "the checkpoint holds several transformers"
        + (Self.areNumbered(prefixes) ? ", or stages of one as Swin has them" : "")
        + ", under \(Self.quoted(prefixes, " and "))"
        + "; choose one by its key, the beginning of its tensors' names, or keep the tensors of one of them"
    case .refused(let title, let reason): "the checkpoint is of a kind that cannot be used (\(title)): \(reason)"
    case .outside(let prefix, let names):
      "the transformer's names begin with '\(prefix)', but \(names.count) other tensors do not: \(Self.list(names)); "
        + "choose the transformer alone by the key '\(prefix.dropLast())', or take the others out of the file"
    case .chunks(let block, let found):
      "the chunks of '\(block)' do not number the blocks from 0 without gaps: found \(Self.list(found))"
    case .missing(let tensor, let other): "the checkpoint has '\(other)' but not '\(tensor)', which belongs to it"
    case .duplicate(let name, let sources):
      "\(sources.joined(separator: " and ")) would both become '\(name)'; keep one of them"
    case .shapes(let tensors, let shapes):
      tensors.joined(separator: ", ") + " have shapes " + shapes.map { "\($0)" }.joined(separator: ", ")
        + " and cannot be joined"
    case .unsupportedHead(let feature, let names):
      "the checkpoint has \(feature), which this engine lacks (\(Self.list(names))); supported: a linear head, alone "
        + "or after a batch norm without weights"
    case .notAVisionTransformer(let layout):
      "this is a \(layout.rawValue) checkpoint, which can be an auxiliary but not a target: it has no patch embedding"
    }
  }
}
