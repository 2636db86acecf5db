import Synchronization

/// A transformer whose pathways can be changed while it serves passes: scales, of one layer or all, and auxiliaries.
///
///     let transformer = try AdjustableTransformer(weights.attach(auxiliary: speech, scale: 0.05), engine: Engine())
///     let logits = try transformer.model(images)
///     try transformer.update { try $0.scaled(0.1) }
///
/// A change makes another `VisionTransformer`, which shares with the present one all layers whose pathways stay the
/// same, and puts it in its place at once. A pass has the model that it began with: the old or the new one, never a
/// mixture. Any number of threads may read and change; changes are done one after the other.
public final class AdjustableTransformer: Sendable {
  /// How pathways are computed.
  public let execution: PathwayExecution
  private let state: Mutex<(weights: PathwayWeights, model: VisionTransformer)>
  /// Held for the time of a change, in which others go on reading.
  private let changing = Mutex(())

  /// A transformer with pathways, or without any yet.
  ///
  /// - Parameters:
  ///   - execution: `.merged` folds when scales change; `.folded` in every pass, so that a change takes no time.
  ///   - progress: as in `VisionTransformer.init(_:execution:precision:engine:progress:)`.
  /// - Throws: as `VisionTransformer.init(_:execution:precision:engine:progress:)`.
  public init(
    _ weights: PathwayWeights, execution: PathwayExecution = .merged, precision: PrecisionPlan = .float32,
    engine: Engine, progress: (Double) throws -> Void = { _ in }
  ) throws {
    self.execution = execution
    let model = try VisionTransformer(
      weights, execution: execution, precision: precision, engine: engine, progress: progress)
    state = Mutex((weights, model))
  }

  /// The model as it is now. It stays as it is.
  public var model: VisionTransformer { state.withLock { $0.model } }

  /// The target, its auxiliaries and scales as they are now.
  public var weights: PathwayWeights { state.withLock { $0.weights } }

  /// Changes pathways.
  ///
  ///     try transformer.update { try $0.scaled(["blocks.3.mlp.fc1": 0.2]) }
  ///     try transformer.update { try $0.detached().attach(auxiliary: video, scale: 0.1) }
  ///
  /// - Parameter change: gets the present weights and returns others. A target of another configuration is possible
  ///   and shares nothing.
  /// - Returns: the new model.
  /// - Throws: what `change` throws; as `VisionTransformer.init(_:execution:precision:engine:)`. The model is then the
  ///   one before.
  /// - Complexity: O(weights of the changed layers), at most the time of loading all; O(1) products in `.folded`.
  @discardableResult public func update(
    _ change: (PathwayWeights) throws -> PathwayWeights
  ) throws -> VisionTransformer {
    try changing.withLock { _ in
      let old = state.withLock { $0 }
      let weights = try change(old.weights)
      let model = try VisionTransformer(weights, like: old.model, of: old.weights)
      state.withLock { $0 = (weights, model) }
      return model
    }
  }
}

/// The linear layers of a loaded model which another one, of the same target with other pathways, can have too.
struct SharedLayers {
  let model: VisionTransformer
  let old: PathwayWeights

  /// nil where the targets are not the same tensors.
  init?(_ model: VisionTransformer, of old: PathwayWeights, for new: PathwayWeights) {
    guard old.target.configuration == new.target.configuration, old.target.isIdentical(to: new.target) else {
      return nil
    }
    (self.model, self.old) = (model, old)
  }

  /// The layer, if its pathways in `new` are those that it was loaded with.
  func linear(_ layer: Linear, in new: PathwayWeights) throws -> Linear.Loaded? {
    guard let joint = layer.joint else { return nil }
    let (present, wanted) = (try old.terms(of: layer), try new.terms(of: layer))
    guard present.count == wanted.count, zip(present, wanted).allSatisfy({ $0.isIdentical(to: $1) }) else { return nil }
    return model.blocks[joint.block].linear(joint.layer)
  }
}

extension PathwayWeights.Term {
  fileprivate func isIdentical(to other: Self) -> Bool {
    guard scale == other.scale, weight.isIdentical(to: other.weight) else { return false }
    switch (bias, other.bias) {
    case (nil, nil): return true
    case (let own?, let others?): return own.isIdentical(to: others)
    default: return false
    }
  }
}
