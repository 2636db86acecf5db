import PathwayCheckpoints

/// A checkpoint's tensors under timm's names, and what was decided on the way: the one reading that targets,
/// auxiliaries, conversion and inspection share.
public struct LayoutReading: Sendable {
  /// The layout, and what its names begin with; nil where no layout is recognised.
  public let match: CheckpointLayout.Match?
  /// The tensors; unchanged where no layout is recognised, for strict binding to complain.
  public let renamed: RenamedTensors
  /// The file's names of tensors that do not share the transformer's prefix, sorted. A target must have none; of an
  /// auxiliary they play no part.
  public let outside: [String]
  /// Prefixes that were taken off, counters that were dropped, blocks that were renumbered: a sentence each.
  public let notes: [String]

  /// Counters of averaged weights (`torch.optim.swa_utils.AveragedModel` and usual moving averages).
  private static let counters: Set<String> = ["n_averaged", "num_updates", "decay", "ema_decay", "initted", "step"]

  /// - Throws: `CheckpointLayoutError`; `CheckpointError.notFloatingPoint`.
  /// - Complexity: tensors are views; only what has to be joined is copied, as float32.
  public init(_ tensors: [String: Tensor]) throws {
    let names = try TensorNames(tensors.keys.sorted())
    guard let match = try CheckpointLayout.match(names.tidy) else {
      self.match = nil
      renamed = RenamedTensors(
        tensors: tensors, sources: tensors.keys.reduce(into: [:]) { $0[$1] = [$1] }, dropped: [])
      (outside, notes) = ([], [])
      return
    }
    let prefix = match.prefix
    let outer = [""] + CheckpointLayout.outerPrefixes(of: prefix)
    let takesOthers = CheckpointLayout.isMade(prefix, of: CheckpointLayout.wrappers)
    var inside: [String: Tensor] = [:]
    var (counters, outside): ([String], [String]) = ([], [])
    for (name, origin) in names.origins {
      guard let tensor = tensors[origin] else { continue }
      let isCounter = outer.contains { name.hasPrefix($0) && Self.counters.contains(String(name.dropFirst($0.count))) }
      if isCounter, tensor.count == 1, tensor.shape.count <= 1 {
        counters.append(origin)
      } else if takesOthers || name.hasPrefix(prefix) || match.layout.drops(name, after: prefix, of: name) {
        inside[name] = tensor
      } else {
        outside.append(origin)
      }
    }
    var renamed = try match.layout.renaming(inside, prefix: prefix)
    renamed.sources = renamed.sources.mapValues { $0.map { names.origins[$0] ?? $0 } }
    renamed.dropped = (renamed.dropped.map { names.origins[$0] ?? $0 } + counters).sorted()

    var notes = names.notes
    if match.layout.isVisionTransformer, !CheckpointLayout.isMade(prefix, of: CheckpointLayout.families) {
      notes.append("the prefix '\(prefix)' is taken off the tensors' names")
    }
    let projections = renamed.dropped.filter { name in
      outer.contains { start in CheckpointLayout.projections.contains { name.hasPrefix(start + $0) } }
    }
    if match.layout.isVisionTransformer, !projections.isEmpty {
      notes.append(
        "the projection of self-distillation (\(projections[0]) and others, \(projections.count) in all) is left out, "
          + "as DINO's evaluation does")
    }
    if !counters.isEmpty {
      notes.append("\(counters.sorted().joined(separator: ", ")): counters of averaging, dropped")
    }
    self.match = match
    self.renamed = renamed
    self.outside = outside.sorted()
    self.notes = notes
  }

  /// That this is a target's: a vision transformer, and nothing next to it.
  ///
  /// - Throws: `CheckpointLayoutError.notAVisionTransformer`, `.outside`.
  package func requireTarget() throws {
    guard let match else { return }
    guard match.layout.isVisionTransformer else { throw CheckpointLayoutError.notAVisionTransformer(match.layout) }
    guard outside.isEmpty else { throw CheckpointLayoutError.outside(prefix: match.prefix, names: outside) }
  }
}
