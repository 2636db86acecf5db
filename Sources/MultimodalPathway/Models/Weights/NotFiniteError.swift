import PathwayCheckpoints
import PathwayKernels
import PathwayLoops

/// Weights that hold NaN or infinity: nothing computed from them means anything, and a narrow format can hide it.
public struct NotFiniteError: CodedError, Equatable {
  /// Where the first number comes from.
  public enum Origin: Sendable, Equatable {
    /// The model, or the target of a merge.
    case model
    /// An auxiliary, by its place in the order of attaching.
    case auxiliary(Int)
    /// `W + sum lambda W'` of finite numbers that is beyond float32's range.
    case sum
  }

  /// The tensor, by timm's name.
  public let tensor: String
  /// Whose tensor it is.
  public let origin: Origin
  /// Of the first number that is not finite, one for every dimension.
  public let index: [Int]
  /// NaN, infinity or -infinity.
  public let found: String
  /// Numbers of the tensor that are not finite.
  public let count: Int
  /// All numbers of the tensor.
  public let total: Int
  /// How the file stores its numbers; a float64 number beyond float32's range is infinite once it is loaded.
  public let storedType: ElementType?

  package init(
    tensor: String, origin: Origin, index: [Int], found: String, count: Int, total: Int, storedType: ElementType?
  ) {
    self.tensor = tensor
    self.origin = origin
    self.index = index
    self.found = found
    self.count = count
    self.total = total
    self.storedType = storedType
  }

  /// The identifier of the origin, stable within a major version.
  public var code: String {
    switch origin {
    case .model: "not-finite.model"
    case .auxiliary: "not-finite.auxiliary"
    case .sum: "not-finite.sum"
    }
  }

  /// What was found where, how many there are, and what to do, on one line.
  public var description: String { text.onOneLine() }

  private var text: String {
    let place = "[\(index.map(String.init).joined(separator: ", "))]"
    let share = "\(count) of its \(total) numbers \(count == 1 ? "is" : "are") not finite"
    switch origin {
    case .model: return "'\(tensor)' is \(found) at \(place); \(share)" + hint
    case .auxiliary(let number): return "auxiliary \(number)'s '\(tensor)' is \(found) at \(place); \(share)" + hint
    case .sum:
      return "'\(tensor)' with its auxiliaries folded in is \(found) at \(place); \(share): the sum of the target's "
        + "and the scaled auxiliary's weights is beyond float32's range; use smaller scales"
    }
  }

  private var hint: String {
    storedType == .float64
      ? ". The file stores float64, whose numbers beyond 3.4e38 are infinite in float32"
      : ". The checkpoint is damaged, or its training diverged; take another one"
  }

  static func name(_ value: Float) -> String { value.isNaN ? "NaN" : value < 0 ? "-infinity" : "infinity" }
}

extension Tensor {
  /// The first number of a float32 tensor that is not finite: its place by dimension, its name, and how many there are;
  /// nil where all are finite.
  ///
  /// - Complexity: O(`count`), at the speed of memory.
  func notFinite() throws -> (index: [Int], found: String, count: Int)? {
    try withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return nil }
      guard elementType == .float32 else { throw CheckpointError.notFloatingPoint(found: elementType) }
      // SAFETY: `count` floats; the scan loads without regard to alignment.
      guard let survey = FiniteScan.survey(base.assumingMemoryBound(to: Float.self), count: count) else { return nil }
      let value = base.loadUnaligned(fromByteOffset: survey.first * 4, as: Float.self)
      return (place(ofElement: survey.first), NotFiniteError.name(value), survey.count)
    }
  }

  /// The place of an element, by dimension.
  func place(ofElement index: Int) -> [Int] {
    var (rest, place) = (index, shape)
    for dimension in shape.indices.reversed() {
      place[dimension] = rest % max(1, shape[dimension])
      rest /= max(1, shape[dimension])
    }
    return place
  }
}

extension ModelWeights {
  /// Checks that every number of the tensors is finite.
  ///
  /// - Parameter isIncluded: whether a tensor, by name, is looked at.
  /// - Throws: `NotFiniteError` of the first such tensor by name.
  /// - Complexity: one pass over the tensors, by all threads of `engine` where they are large.
  public func requireFinite(engine: Engine, where isIncluded: (String) -> Bool = { _ in true }) throws {
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) where isIncluded(name) {
      if tensor.count > 1 << 18, try tensor.isFinite(engine) { continue }
      guard let found = try tensor.notFinite() else { continue }
      throw NotFiniteError(
        tensor: name, origin: .model, index: found.index, found: found.found, count: found.count, total: tensor.count,
        storedType: storedType)
    }
  }
}

extension Tensor {
  fileprivate func isFinite(_ engine: Engine) throws -> Bool {
    try withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress, elementType == .float32 else { return false }
      // SAFETY: as above.
      return try engine.allFinite(base.assumingMemoryBound(to: Float.self), count: count)
    }
  }
}

extension PathwayWeights {
  /// What is wrong with a layer whose weights, or their sum, are not finite, or with any other tensor; nil where all is
  /// finite.
  ///
  /// - Complexity: one pass over everything; for when something is known to be wrong.
  func notFiniteError(engine: Engine) throws -> NotFiniteError? {
    do {
      try target.requireFinite(engine: engine)
    } catch let error as NotFiniteError {
      return error
    }
    for layer in TransformerLayers(target.configuration).blocks.flatMap(\.linears) {
      let terms = try terms(of: layer)
      guard !terms.isEmpty else { continue }
      let sum = try Self.folded(try target.tensor(layer.weight.name), terms, engine: engine)
      if let found = try sum.notFinite() { return try error(layer, isBias: false, sum, found) }
      guard let bias = try bias(of: layer) else { continue }
      let total = Tensor(bias, shape: [bias.count])
      if let found = try total.notFinite() { return try error(layer, isBias: true, total, found) }
    }
    return nil
  }

  /// The auxiliary's own number where that is not finite, else the sum's.
  private func error(
    _ layer: Linear, isBias: Bool, _ sum: Tensor, _ found: (index: [Int], found: String, count: Int)
  ) throws -> NotFiniteError {
    let part = isBias ? ".bias" : ".weight"
    for (number, pathway) in pathways.enumerated() {
      guard let joint = layer.joint, let source = pathway.blocks[joint.block],
        pathway.scales[layer.name].map({ $0 != 0 }) == true,
        let own = isBias
          ? pathway.auxiliary.bias(source, joint.layer) : try pathway.auxiliary.weight(source, joint.layer),
        let problem = try own.notFinite()
      else { continue }
      return NotFiniteError(
        tensor: joint.layer.name(inBlock: source) + part, origin: .auxiliary(number), index: problem.index,
        found: problem.found, count: problem.count, total: own.count, storedType: nil)
    }
    return NotFiniteError(
      tensor: layer.name + part, origin: .sum, index: found.index, found: found.found, count: found.count,
      total: sum.count, storedType: nil)
  }
}
