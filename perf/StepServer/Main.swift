import Foundation
import MultimodalPathway
import PathwayTraining

/// A training run that waits: one step for every line on standard input, its milliseconds on standard output. For
/// comparing with engines that live in other processes (perf/peers/training.py).
///
/// Weights are random. PATHWAY is `plain`, or `folded` with an auxiliary that is trained too.
@main
enum StepServer {
  static func main() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard arguments.count == 5, let batch = Int(arguments[1]), let threads = Int(arguments[2]),
      ["plain", "folded"].contains(arguments[3])
    else { throw Failure("usage: StepServer ARCHITECTURE BATCH THREADS plain|folded float32|bfloat16") }
    let configuration = try VisionTransformerConfiguration.preset(arguments[0])
    var weights = PathwayWeights(try ModelWeights.random(configuration, seed: 1))
    if arguments[3] == "folded" {
      let other = try ModelWeights.random(configuration, seed: 2)
      weights = try weights.attach(
        auxiliary: AuxiliaryWeights(checkpoint: Checkpoint(tensors: other.tensors)), scale: 0.05)
    }
    var recipe = Recipe()
    try recipe.set("batch", to: "\(batch)")
    if arguments[4] != "float32" { try recipe.set("precision", to: arguments[4]) }
    let engine = try Engine(threads: threads)
    let benchmark = try StepBenchmark(weights, recipe: recipe, engine: engine)
    _ = try benchmark.step()
    write("ready \(engine.instructionSet.rawValue)")
    while readLine() != nil {
      let start = DispatchTime.now().uptimeNanoseconds
      _ = try benchmark.step()
      write("\(Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-6)")
    }
  }

  /// A line that the other side sees at once.
  static func write(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }
}

struct Failure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
