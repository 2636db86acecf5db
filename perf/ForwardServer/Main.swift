import Foundation
import MultimodalPathway

/// A model that waits: one forward pass for every line on standard input, its milliseconds on standard output. For
/// comparing with engines that live in other processes (perf/peers).
///
/// INPUT holds `images` (B, channels, H, W). OUTPUT gets the `logits` (B, classes) of a pass made before the first
/// line. PATHWAY is `plain`, or an execution with an auxiliary of random weights. PRECISION is float32, bfloat16 or
/// int8.
@main
enum ForwardServer {
  static func main() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard arguments.count == 6, let threads = Int(arguments[3]) else {
      throw Failure(
        "usage: ForwardServer MODEL_DIRECTORY INPUT.safetensors OUTPUT.safetensors THREADS PATHWAY PRECISION")
    }
    guard let precision = Precision(rawValue: arguments[5]) else {
      throw Failure("no precision '\(arguments[5])'; use float32, bfloat16 or int8")
    }
    let model = try load(arguments[0], threads: threads, pathway: arguments[4], PrecisionPlan(precision))
    guard let images = try Checkpoint(contentsOf: URL(fileURLWithPath: arguments[1])).tensors["images"] else {
      throw Failure("\(arguments[1]) holds no tensor 'images'")
    }
    let first = try model.forward(images).logits
    try Checkpoint(tensors: ["logits": first]).write(to: URL(fileURLWithPath: arguments[2]))

    let workspace = try model.workspace(batch: images.shape[0])
    var logits = [Float](repeating: 0, count: first.count)
    write("ready \(model.engine.instructionSet.rawValue)")
    while readLine() != nil {
      let start = DispatchTime.now().uptimeNanoseconds
      var output = logits.mutableSpan
      try model.forward(images, into: &output, workspace: workspace)
      write("\(Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-6)")
    }
  }

  static func load(
    _ directory: String, threads: Int, pathway: String, _ precision: PrecisionPlan
  ) throws -> VisionTransformer {
    let weights = try ModelWeights(modelAt: URL(fileURLWithPath: directory))
    let engine = try Engine(threads: threads)
    if pathway == "plain" { return try VisionTransformer(weights, precision: precision, engine: engine) }
    guard let execution = PathwayExecution(rawValue: pathway) else {
      throw Failure("no pathway '\(pathway)'; use plain, two-branch, folded or merged")
    }
    let other = try ModelWeights.random(weights.configuration, seed: 2)
    let auxiliary = try AuxiliaryWeights(checkpoint: Checkpoint(tensors: other.tensors))
    return try VisionTransformer(
      weights.attach(auxiliary: auxiliary, scale: 0.05), execution: execution, precision: precision, engine: engine)
  }

  /// A line that the other side sees at once.
  static func write(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
  }
}

struct Failure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
