import Foundation
import MultimodalPathway

/// What `m2pt demo` found: accuracy and time of every execution, and whether they are the same thing.
struct DemoReport: Encodable {
  /// One model's answers to all pictures.
  struct Pass {
    var name: String
    /// (pictures, classes).
    var logits: [Float]
    var duration: Duration
  }

  struct Execution: Encodable {
    var name: String
    /// Answers in the order of `samples`.
    var predictions: [Int]
    var correct: Int
    var accuracy: Double
    /// Median of a pass over all pictures.
    var milliseconds: Double
  }

  struct Sample: Encodable {
    var name: String
    var label: Int
    /// The merged model's answer and its softmax probability.
    var prediction: Int
    var probability: Double
  }

  struct Verdict: Encodable {
    var claim: String
    var finding: String
    var holds: Bool
  }

  /// The target's own weights without W': half of a pair that was trained as one.
  static let targetAlone = "target alone"
  /// Bound of the logits' relative error against PyTorch's float64 (root mean square of the difference over that of the
  /// logits): fewer than 4,096 roundings in a chain (4 blocks of LayerNorm, four products of K <= 256, softmax; the
  /// ends), each at most 2^-24, added as in a random walk.
  static let logitBound = 4096.0.squareRoot() * 0x1p-24

  var instruction_set: String
  var threads: Int
  var parameters: Int
  var joined_layers: Int
  var smallest_scale: Float
  var largest_scale: Float
  /// What the pathways change: root mean square of merged logits less the target's alone, over that of the merged.
  var logit_change: Double
  var executions: [Execution]
  var samples: [Sample]
  var held_out: DemoAssets.HeldOut
  var verdicts: [Verdict]
  var holds: Bool
  var merged_model: String?
  var seconds: Double

  init(
    assets: DemoAssets, weights: PathwayWeights, engine: Engine, passes: [Pass], verified: Bool, output: String?,
    duration: Duration
  ) {
    let classes = weights.target.configuration.classCount
    let expected = assets.samples.map(\.sample)
    instruction_set = engine.instructionSet.rawValue
    threads = engine.threads
    parameters = weights.target.parameterCount
    joined_layers = assets.scales.values.filter { $0 != 0 }.count
    smallest_scale = assets.scales.values.min() ?? 0
    largest_scale = assets.scales.values.max() ?? 0
    held_out = assets.heldOut
    merged_model = output
    seconds = duration / .seconds(1)

    executions = passes.map { pass in
      let predictions = expected.indices.map { row in
        Self.top(pass.logits[row * classes..<(row + 1) * classes])
      }
      let correct = zip(predictions, expected).filter { $0 == $1.label }.count
      return Execution(
        name: pass.name, predictions: predictions, correct: correct,
        accuracy: Double(correct) / Double(expected.count), milliseconds: pass.duration / .milliseconds(1))
    }
    let joined = executions.filter { $0.name != Self.targetAlone }
    func logits(_ execution: PathwayExecution) -> [Float] {
      passes.first { $0.name == execution.rawValue }?.logits ?? []
    }
    let merged = logits(.merged)
    let alone = passes.first { $0.name == Self.targetAlone }?.logits ?? []
    logit_change = Self.relativeError(alone, merged.map(Double.init))
    let answers = joined.last?.predictions ?? []
    samples = assets.samples.indices.map { row in
      let (name, sample) = assets.samples[row]
      let probabilities = AnswerActivation.softmax.scores(merged[row * classes..<(row + 1) * classes])
      return Sample(
        name: name, label: sample.label, prediction: answers[row], probability: probabilities.max() ?? 0)
    }

    let reference = expected.flatMap(\.logits)
    let errors = [PathwayExecution.twoBranch, .folded, .merged].map { Self.relativeError(logits($0), reference) }
    let error = errors.contains { $0.isNaN } ? .infinity : errors.max() ?? .infinity
    let agreeing = joined.map { zip($0.predictions, expected).filter { $0 == $1.prediction }.count }.min() ?? 0
    let sameBits = logits(.folded).map(\.bitPattern) == merged.map(\.bitPattern) && !merged.isEmpty
    verdicts = [
      Verdict(
        claim: "every joined layer against Double arithmetic, whole features",
        finding: verified ? "within derived bounds" : "NOT within derived bounds", holds: verified),
      Verdict(
        claim: "folded against the merged file, all logits", finding: sameBits ? "same bits" : "DIFFERENT bits",
        holds: sameBits),
      Verdict(
        claim: "all three against PyTorch's answers in float64", finding: "\(agreeing) of \(expected.count) agree",
        holds: agreeing == expected.count),
      Verdict(
        claim: "all three against PyTorch's logits in float64",
        finding: String(format: "relative error %.1e, bound %.1e", error, Self.logitBound),
        holds: error <= Self.logitBound),
    ]
    holds = verdicts.allSatisfy(\.holds)
  }

  private static func top(_ values: ArraySlice<Float>) -> Int {
    (values.indices.max { values[$0] < values[$1] } ?? values.startIndex) - values.startIndex
  }

  /// Root mean square of the difference over that of the reference.
  private static func relativeError(_ found: [Float], _ reference: [Double]) -> Double {
    guard found.count == reference.count else { return .infinity }
    let difference = zip(found, reference).reduce(0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) }
    return (difference / reference.reduce(0) { $0 + $1 * $1 }).squareRoot()
  }
}
