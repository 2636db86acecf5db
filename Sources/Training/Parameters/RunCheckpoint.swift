import Foundation
import MultimodalPathway
import PathwayKernels

/// A run at the end of a step, in a safetensors file: all that a later process needs to go on with the same bits.
///
/// The file holds every tensor of the arenas, under `values/`, `first/`, `second/` and `average/` and its name, and in
/// its metadata the rest. It is written to a temporary file and renamed: a full disk or a killed process leaves the
/// checkpoint before it.
package struct RunCheckpoint: Sendable, Equatable {
  /// Steps that are done.
  package var step = 0
  /// What the run was started with.
  package var recipe: Recipe
  /// `DataListing.digest(of:in:)` of the training data.
  package var data: String
  /// The best `Evaluation.measure` so far.
  package var best: Double?
  /// Losses of the steps since the epoch began, their sum.
  package var epochLoss = 0.0
  /// Whether an epoch is done whose model is not validated yet.
  package var awaitsValidation = false

  package init(recipe: Recipe, data: String) {
    (self.recipe, self.data) = (recipe, data)
  }

  private static let version = "1"

  /// Writes the checkpoint with an arena's tensors.
  ///
  /// - Throws: `CheckpointError.unwritable`; an earlier file is then as it was.
  package func write(_ arena: ParameterArena, to url: URL) throws {
    var metadata = [
      "m2pt.run": Self.version, "step": "\(step)", "recipe": recipe.yaml, "data": data, "epoch_loss": "\(epochLoss)",
    ]
    if let best { metadata["best"] = "\(best)" }
    if awaitsValidation { metadata["awaits_validation"] = "true" }
    let tensors = arena.stored.mapValues { place in
      // SAFETY: the arena has the floats and outlives the call, during which no step runs.
      Tensor(elementType: .float32, shape: place.shape, base: place.base, owner: arena)
    }
    try Checkpoint(tensors: tensors, metadata: metadata).write(to: url)
  }

  /// Reads what a checkpoint says of its run, without its tensors.
  ///
  /// - Throws: `TrainingError.badCheckpoint`, `.nothingToResume`; `CheckpointError` where the file cannot be read.
  package init(contentsOf url: URL) throws {
    try self.init(Checkpoint(contentsOf: url), url)
  }

  /// Reads a checkpoint's tensors into an arena.
  ///
  /// - Throws: as `init(contentsOf:)`; `TrainingError.badCheckpoint` where a tensor is not the arena's.
  package static func read(_ url: URL, into arena: ParameterArena) throws -> RunCheckpoint {
    let file = try Checkpoint(contentsOf: url)
    let checkpoint = try RunCheckpoint(file, url)
    let expected = arena.stored
    if let name = Set(file.tensors.keys).symmetricDifference(expected.keys).min() {
      let reason = expected[name] == nil ? "has '\(name)', which the model has not" : "has no '\(name)'"
      throw TrainingError.badCheckpoint(file: url.path, reason: "it \(reason); resume with the run's own model")
    }
    for (name, own) in expected.sorted(by: { $0.key < $1.key }) {
      guard let tensor = file.tensors[name], tensor.shape == own.shape, tensor.elementType == .float32 else {
        throw TrainingError.badCheckpoint(
          file: url.path,
          reason: "'\(name)' has shape \(file.tensors[name]?.shape ?? []), expected \(own.shape) float32")
      }
    }
    for (name, own) in expected {
      file.tensors[name]?.withUnsafeBytes { bytes in
        guard let source = bytes.baseAddress else { return }
        UnsafeMutableRawPointer(own.base).copyMemory(from: source, byteCount: bytes.count)
      }
    }
    return checkpoint
  }

  private init(_ file: Checkpoint, _ url: URL) throws {
    func bad(_ reason: String) -> TrainingError { .badCheckpoint(file: url.path, reason: reason) }
    guard let version = file.metadata["m2pt.run"] else { throw bad("it is no checkpoint of a run") }
    guard version == Self.version else { throw bad("it has version \(version), expected \(Self.version)") }
    guard let step = file.metadata["step"].flatMap({ Int($0) }), step >= 0,
      let loss = file.metadata["epoch_loss"].flatMap({ Double($0) }), let data = file.metadata["data"]
    else { throw bad("its metadata are incomplete") }
    recipe = try Recipe(yaml: file.metadata["recipe"] ?? "", file: url.path)
    (self.step, self.data, epochLoss) = (step, data, loss)
    best = file.metadata["best"].flatMap { Double($0) }
    awaitsValidation = file.metadata["awaits_validation"] == "true"
  }
}

extension ParameterArena {
  /// Where every tensor of a checkpoint is, by its name there.
  fileprivate var stored: [String: (shape: [Int], base: UnsafeMutablePointer<Float>)] {
    var places: [String: (shape: [Int], base: UnsafeMutablePointer<Float>)] = [:]
    for span in table.spans {
      places["values/" + span.name] = (span.shape, value(span))
      if let average { places["average/" + span.name] = (span.shape, average.base + span.offset) }
      guard let offset = span.momentOffset else { continue }
      for (kind, arena) in [("first", first), ("second", second)] where arena.count > 0 {
        places["\(kind)/\(span.name)"] = (span.shape, arena.base + offset)
      }
    }
    return places
  }
}
