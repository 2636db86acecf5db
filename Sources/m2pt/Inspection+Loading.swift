import MultimodalPathway

extension Inspection {
  /// What loading as a model does with names and configuration.
  struct AsModel: Encodable {
    var layout: String?
    /// What the transformer's names begin with.
    var prefix: String?
    /// Tensors of the file that the model takes.
    var taken = 0
    var renamed: [String: String] = [:]
    var joined: [String: [String]] = [:]
    var dropped: [String] = []
    var computed: [String] = []
    /// Tensors that do not share the prefix; a model must have none.
    var outside: [String] = []
    var notes: [String] = []
    var configuration: Configuration?
    /// Why it would not be loaded.
    var refused: String?
    /// The code of that error.
    var refusedCode: String?

    init() {}

    mutating func refuse(_ error: any Error) {
      refused = error.toolText
      refusedCode = (error as? any CodedError)?.code
    }

    init(_ reading: LayoutReading, _ checkpoint: Checkpoint) {
      layout = reading.match?.layout.rawValue
      prefix = reading.match?.prefix
      let sources = reading.renamed.sources
      taken = Set(sources.values.joined()).count
      renamed = sources.compactMapValues { $0.count == 1 ? $0[0] : nil }.filter { $0.key != $0.value }
      joined = sources.filter { $0.value.count > 1 }
      dropped = reading.renamed.dropped
      outside = reading.outside
      notes = checkpoint.notes + reading.notes
    }

    /// What only a configuration tells.
    mutating func add(_ binding: ModelBinding) {
      computed = binding.computed
      configuration = Configuration(binding.configuration)
      if !binding.problems.isEmpty { refuse(binding.problems) }
    }

    var lines: [String] {
      guard let layout else { return notes.map { "note: \($0.onOneLine())" } }
      let under = prefix.flatMap { $0.isEmpty ? nil : " under '\($0.onOneLine())'" } ?? ""
      return ["layout: \(layout)\(under), \(taken) tensors taken"]
        + ConversionReport.lines(renamed: renamed, joined: joined, dropped: dropped, computed: computed)
        + outside.prefix(12).map { "outside  \($0.onOneLine())" }
        + (outside.count > 12 ? ["outside  ... (\(outside.count) in all)"] : [])
        + notes.map { "note: \($0.onOneLine())" }
    }
  }

  /// The numbers that a model runs with.
  struct Configuration: Encodable {
    var architecture: String
    var modality: String
    var inputShape: [Int]
    var patch: [Int]
    var width: Int
    var depth: Int
    var heads: Int
    var hiddenWidth: Int
    var tokens: Int
    var classes: Int
    var pooling: String
    var qkvBias: String

    init(_ c: VisionTransformerConfiguration) {
      architecture = c.architecture
      modality = c.modality.rawValue
      inputShape = c.inputShape
      patch = [c.patchSize.height, c.patchSize.width]
      (width, depth, heads, hiddenWidth) = (c.width, c.depth, c.heads, c.hiddenWidth)
      tokens = c.tokenCount
      classes = c.classCount
      pooling = c.pooling.rawValue
      qkvBias = c.qkvBias.rawValue
    }

    var line: String {
      "\(modality) \(inputShape), \(tokens) tokens, \(depth) blocks, width \(width), hidden width \(hiddenWidth), "
        + "\(heads) heads, \(classes == 0 ? "no head" : "\(classes) classes")"
    }
  }

  /// What the file is as an auxiliary, or why it cannot be one.
  struct AsAuxiliary: Encodable {
    var layout: String?
    var prefix: String?
    var depth: Int?
    var width: Int?
    var hiddenWidth: Int?
    var heads: Int?
    var headsAreAssumed: Bool?
    var isPostNorm: Bool?
    var notes: [String]?
    var refused: String?
    var refusedCode: String?

    init(_ weights: AuxiliaryWeights) {
      layout = weights.layout.rawValue
      prefix = weights.prefix
      (depth, width, hiddenWidth) = (weights.depth, weights.width, weights.hiddenWidth)
      (heads, headsAreAssumed) = (weights.heads, weights.headsAreAssumed)
      isPostNorm = weights.isPostNorm
      notes = weights.notes
    }

    init(refused error: any Error) {
      refused = error.toolText
      refusedCode = (error as? any CodedError)?.code
    }

    var line: String {
      guard let layout, let depth, let width, let hiddenWidth else {
        return "as an auxiliary: refused: \(refused?.onOneLine() ?? "")"
      }
      let under = prefix.flatMap { $0.isEmpty ? nil : " under '\($0.onOneLine())'" } ?? ""
      let known = heads.map { "\($0) heads\(headsAreAssumed == true ? " (assumed)" : "")" } ?? "heads unknown"
      return "as an auxiliary: \(layout)\(under), \(depth) blocks, width \(width), hidden width \(hiddenWidth), "
        + "\(known), norms \(isPostNorm == true ? "after" : "before") the layers"
    }
  }
}
