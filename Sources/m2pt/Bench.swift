import ArgumentParser
import Foundation
import MultimodalPathway

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Time forward passes of a model, or of an architecture with random weights.")

  enum Precision: String, ExpressibleByArgument, CaseIterable {
    case float32
  }

  @Option(help: "Model: a directory with config.json, or a safetensors file with --architecture.") var model: String?
  @Option(help: "timm's name; without --model its weights are random (default: vit_base_patch16_224).")
  var architecture: String?
  @Option(help: "Images of a pass.") var batch = 1
  @Option(help: "Number format of weights and activations.") var precision = Precision.float32
  @Option(help: "Attach an auxiliary with random weights, run as two-branch, folded or merged.")
  var pathway: PathwayExecution?
  @Option(help: "Counted passes.") var runs = 20
  @OptionGroup var engine: EngineOptions
  @Flag(help: "JSON on standard output.") var json = false

  struct Report: Encodable {
    var architecture: String
    var batch: Int
    var threads: Int
    var isa: String
    var precision: String
    /// nil: no auxiliary.
    var pathway: String?
    var median_ms: Double
    var min_ms: Double
    var max_ms: Double
    var gflops: Double
    /// Multiply-adds on registers alone, the same threads, measured before and after the passes.
    var limit_gflops: Double
    var percent_of_limit: Double
    /// Of the process, behind the last pass; and the most it ever was, loading included.
    var resident_bytes: Int?
    var peak_resident_bytes: Int?
    /// Heap allocations of all counted passes, where a counter is preloaded (perf/checks/allocations).
    var allocations: Int?
  }

  func validate() throws {
    guard (1...1024).contains(batch), (1...10_000).contains(runs) else {
      throw ValidationError("--batch takes 1...1024, --runs 1...10000.")
    }
  }

  func run() throws {
    let engine = try engine.engine()
    let weights = try weights()
    let c = weights.configuration
    var joined = PathwayWeights(weights)
    if pathway != nil {
      let other = try ModelWeights.random(c, seed: 2)
      joined = try joined.attach(
        auxiliary: AuxiliaryWeights(checkpoint: Checkpoint(tensors: other.tensors)), scale: 0.05)
    }
    let model = try VisionTransformer(joined, execution: pathway ?? .merged, engine: engine)
    let limit = try engine.multiplyAddLimit()
    let (times, allocations) = try measure(model)
    let median = times[times.count / 2]
    let gflops = c.operationCount * Double(batch) / median * 1e-6
    let limitNow = max(limit, try engine.multiplyAddLimit())
    let memory = ResidentMemory()
    let result = Report(
      architecture: c.architecture, batch: batch, threads: engine.threads, isa: engine.instructionSet.rawValue,
      precision: precision.rawValue, pathway: pathway?.rawValue, median_ms: median, min_ms: times[0],
      max_ms: times[times.count - 1], gflops: gflops, limit_gflops: limitNow, percent_of_limit: 100 * gflops / limitNow,
      resident_bytes: memory?.now, peak_resident_bytes: memory?.peak, allocations: allocations)
    if json { return try printJSON(result) }
    print(
      String(
        format: "%@ batch %d, %d threads, %@: median %.1f ms (%.1f...%.1f), %.0f GFLOP/s, %.0f %% of the limit",
        result.architecture, batch, result.threads, result.isa, median, result.min_ms, result.max_ms, gflops,
        result.percent_of_limit))
  }

  private func weights() throws -> ModelWeights {
    if let model { return try ModelWeights(modelAt: URL(fileURLWithPath: model), architecture: architecture) }
    return try .random(.preset(architecture ?? "vit_base_patch16_224"), seed: 1)
  }

  /// Milliseconds of the counted passes, ascending, and what they allocated.
  private func measure(_ model: VisionTransformer) throws -> ([Double], allocations: Int?) {
    let c = model.configuration
    let shape = [batch] + c.inputShape
    let images = Tensor(shape: shape) { pixels in
      for index in pixels.indices { pixels[index] = Float(index % 255) / 128 - 1 }
    }
    let workspace = model.workspace(batch: batch)
    var logits = [Float](repeating: 0, count: batch * (c.classCount == 0 ? c.width : c.classCount))
    var times = [Double](repeating: 0, count: runs)
    let counter = allocationCounter()
    var before = 0
    for run in -2..<runs {
      if run == 0 { before = counter?() ?? 0 }
      let start = DispatchTime.now().uptimeNanoseconds
      var output = logits.mutableSpan
      try model.forward(images, into: &output, workspace: workspace)
      if run >= 0 { times[run] = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-6 }
    }
    let allocations = counter.map { $0() - before }
    return (times.sorted(), allocations)
  }

  /// The function that perf/checks/allocations preloads: heap allocations of the process so far.
  private func allocationCounter() -> (@convention(c) () -> Int)? {
    guard let symbol = dlsym(nil, "m2pt_allocation_count") else { return nil }
    // SAFETY: perf/checks/count_allocations.c declares it `long m2pt_allocation_count(void)`.
    return unsafeBitCast(symbol, to: (@convention(c) () -> Int).self)
  }
}

extension PathwayExecution: ExpressibleByArgument {}

/// Bytes of this process that are in memory, as the system's /proc tells them.
struct ResidentMemory {
  var now: Int
  var peak: Int

  /// nil where there is no /proc.
  init?() {
    guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return nil }
    func kilobytes(_ key: String) -> Int? {
      let line = text.split(separator: "\n").first { $0.hasPrefix(key + ":") }
      return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
    }
    guard let now = kilobytes("VmRSS"), let peak = kilobytes("VmHWM") else { return nil }
    self.now = now * 1024
    self.peak = peak * 1024
  }
}
