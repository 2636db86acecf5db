import Foundation
import MultimodalPathway

/// The directory of a run.
///
///     checkpoint.safetensors   what resuming needs
///     log.jsonl                a line for each step and each epoch
///     recipe.yaml              the recipe's keys (`Recipe.yaml`)
///     model/                   the best model, its pathways merged: config.json, model.safetensors
///     unmerged/                the same in parts: target (config.json, model.safetensors), auxiliary-N.safetensors
///     scales.json              lambda by layer, an object for each auxiliary
package struct RunDirectory: Sendable {
  package let url: URL

  package var checkpoint: URL { url.appendingPathComponent("checkpoint.safetensors") }
  package var log: URL { url.appendingPathComponent("log.jsonl") }
  package var model: URL { url.appendingPathComponent("model") }
  package var unmerged: URL { url.appendingPathComponent("unmerged") }
  package var scales: URL { url.appendingPathComponent("scales.json") }
  private var recipe: URL { url.appendingPathComponent("recipe.yaml") }

  package init(_ url: URL) { self.url = url }

  /// Checks, before long work, that a run can be written or continued here.
  ///
  /// - Throws: `TrainingError.occupied`, `.unlistable`, `.nothingToResume`.
  package func check(resumes: Bool) throws {
    let hasRun = FileManager.default.fileExists(atPath: checkpoint.path)
    if resumes {
      guard hasRun else { throw TrainingError.nothingToResume(directory: url.path) }
      return
    }
    if hasRun { throw TrainingError.occupied(directory: url.path, found: "a run") }
    guard FileManager.default.fileExists(atPath: url.path) else { return }
    guard url.isExistingDirectory else { throw TrainingError.occupied(directory: url.path, found: "no directory") }
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: url.path)
    } catch {
      throw TrainingError.unlistable(directory: url.path, reason: error.localizedDescription)
    }
    // A run that was ended before its first checkpoint left these.
    let own = ["log.jsonl", "recipe.yaml"]
    if let other = names.sorted().first(where: { !own.contains($0) && !$0.hasPrefix(".m2pt-") }) {
      throw TrainingError.occupied(directory: url.path, found: "'\(other)'")
    }
  }

  /// Makes the directory, and writes the recipe into it.
  ///
  /// - Throws: `CheckpointError.unwritable`.
  package func begin(_ recipe: Recipe) throws {
    do {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    } catch {
      throw CheckpointError.unwritable(file: url.path, reason: error.localizedDescription)
    }
    try AtomicFile.write(Data(recipe.yaml.utf8), to: self.recipe)
  }

  /// Writes a model, merged and in parts, with its scales; each part replaces an earlier one in one step.
  ///
  /// - Throws: `CheckpointError`, `NotFiniteError`, `ConfigurationError`.
  package func write(_ weights: PathwayWeights, preprocessing: ImagePreprocessing?, engine: Engine) throws {
    let c = weights.target.configuration
    let files = ["config.json", "model.safetensors"]
    let parts = weights.pathways.indices.map { "auxiliary-\($0).safetensors" }
    try AtomicDirectory.write(to: unmerged, files: files + parts, replaces: true) { folder in
      try c.write(toDirectory: folder, preprocessing: preprocessing)
      try weights.target.checkpoint.write(to: folder.appendingPathComponent(files[1]))
      for (name, pathway) in zip(parts, weights.pathways) {
        try pathway.auxiliary.checkpoint(pathway).write(to: folder.appendingPathComponent(name))
      }
    }
    try AtomicDirectory.write(to: model, files: files, replaces: true) { folder in
      try c.write(toDirectory: folder, preprocessing: preprocessing)
      let file = folder.appendingPathComponent(files[1])
      if weights.pathways.isEmpty {
        try weights.target.checkpoint.write(to: file)
      } else {
        try weights.writeMerged(to: file, engine: engine)
      }
    }
    let tables = weights.pathways.map(\.scales)
    guard !tables.isEmpty else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try AtomicFile.write(encoder.encode(tables) + [UInt8(ascii: "\n")], to: scales)
  }
}

extension ModelWeights {
  fileprivate var checkpoint: Checkpoint { Checkpoint(tensors: tensors, metadata: metadata) }
}

extension AuxiliaryWeights {
  /// The blocks that a pathway joins, under timm's names; metadata say how.
  fileprivate func checkpoint(_ pathway: PathwayWeights.Pathway) throws -> Checkpoint {
    var tensors: [String: Tensor] = [:]
    for block in 0..<depth {
      for layer in PathwayLayer.allCases {
        let name = layer.name(inBlock: block)
        tensors[name + ".weight"] = try weight(block, layer)
        tensors[name + ".bias"] = bias(block, layer)
      }
    }
    let map = pathway.blocks.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }.joined(separator: ",")
    return Checkpoint(
      tensors: tensors,
      metadata: [
        "format": "pt", "m2pt.block_map": map, "m2pt.layers": pathway.layers.map(\.rawValue).joined(separator: ","),
        "m2pt.bias": pathway.bias.rawValue,
      ])
  }
}
