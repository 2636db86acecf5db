import Foundation
import MultimodalPathway
import PathwayKernels

/// Steps of a training run without files, for measuring: forward pass, cross-entropy, backward pass and optimizer, of
/// one batch of inputs in memory.
///
///     let benchmark = try StepBenchmark(weights, recipe: recipe, engine: Engine())
///     let times = try benchmark.step()
///
/// A step changes the weights, as it does in a run.
public final class StepBenchmark {
  /// Milliseconds of a step's parts.
  public struct Times: Sendable, Hashable {
    /// Logits of the batch.
    public var forward = 0.0
    /// Loss, and the gradients of all that trains.
    public var backward = 0.0
    /// Clipping, the optimizer and the average of weights.
    public var optimizer = 0.0
    /// All parts.
    public var total: Double { forward + backward + optimizer }
  }

  /// One operation over all steps since the last `reset`.
  public struct Operation: Sendable, Hashable {
    /// timm's name, or `dW`, `dX` and so on.
    public let name: String
    /// How often it began.
    public let calls: Int
    /// Its time, of the first thread.
    public let seconds: Double
  }

  /// Inputs of a step.
  public let batch: Int
  /// Bytes of a step's memory, part by part.
  public let memory: [(part: String, bytes: Int)]
  /// Operations of a step as peers are counted: three forward passes, two for every multiply-add of a product, without
  /// the gradient of the inputs, which no one computes. What frozen layers save is not taken off.
  public let operationCount: Double

  private let recipe: Recipe
  private let arena: ParameterArena
  private let optimizer: Optimizer
  private let pass: TrainingPass
  private let inputs: FloatBuffer
  private let targets: [Float]
  /// Of a head that answers for every point.
  private let categories: [Int32]
  /// Of a step: inputs, or all points of the inputs.
  private let answers: Int
  private var steps = 0

  /// - Parameters:
  ///   - weights: the target, with its auxiliaries where it has some; with a head of classes.
  ///   - recipe: `batch`, `precision`, `freeze` and the optimizer's keys are read.
  ///   - profiled: whether `operations` is counted.
  /// - Throws: `TrainingError`, `MemoryError`, `EngineError`.
  public init(_ weights: PathwayWeights, recipe: Recipe, profiled: Bool = false, engine: Engine) throws {
    let c = weights.target.configuration
    guard c.classCount > 1 else { throw TrainingError.tooFewClasses(found: c.classCount) }
    (self.recipe, batch) = (recipe, recipe.batch)
    let table = try ParameterTable(weights, freeze: recipe.freeze)
    arena = try ParameterArena(table, weights, optimizer: recipe.optimizer, averages: recipe.ema > 0)
    optimizer = Optimizer(recipe, arena, engine: engine)
    pass = try arena.pass(
      c, precision: recipe.precision.format, batch: recipe.batch, profiled: profiled, engine: engine)
    let values = c.inputShape.reduce(1, *)
    inputs = try FloatBuffer(count: SystemMemory.product(recipe.batch, values), for: .inputs)
    // Numbers in -1...1 that no operation is quicker with.
    for index in 0..<recipe.batch * values { inputs.base[index] = Float(index % 255) / 128 - 1 }
    let classes = c.classCount
    let rows = recipe.batch * c.answersPerInput
    answers = rows
    targets = ClassTargets(classCount: classes)((0..<rows).map { $0 % classes })
    categories = (c.parts?.categories.count).map { count in (0..<recipe.batch).map { Int32($0 % count) } } ?? []
    memory = table.memory(recipe) + [(part: "inputs", bytes: 4 * recipe.batch * values)] + pass.memory
    let embedding = pass.model.work(batch: recipe.batch)[.patchEmbedding]?.operations ?? 0
    operationCount = 3 * c.operationCount * Double(recipe.batch) - embedding
  }

  /// One step.
  ///
  /// - Throws: `TrainingError.diverged`; `EngineError`.
  public func step() throws -> Times {
    var times = Times()
    var start = DispatchTime.now().uptimeNanoseconds
    func lap() -> Double {
      let now = DispatchTime.now().uptimeNanoseconds
      defer { start = now }
      return Double(now - start) * 1e-6
    }
    try pass.forward(inputs.base, batch: batch, categories: categories)
    times.forward = lap()
    arena.clearGradients()
    _ = SoftmaxCrossEntropy.run(
      logits: pass.logits, targets: targets, rows: answers, scale: 1 / Double(answers), gradients: pass.logitGradients)
    try pass.backward()
    times.backward = lap()
    steps += 1
    _ = try optimizer.step(steps, rate: recipe.learningRate)
    times.optimizer = lap()
    return times
  }

  /// Where the time of forward and backward passes went; empty where it is not counted.
  public var operations: [Operation] {
    (pass.profile?.entries ?? []).map { Operation(name: $0.name, calls: $0.calls, seconds: $0.seconds) }
  }

  /// Forgets what `operations` has counted.
  public func reset() { pass.profile?.reset() }
}
