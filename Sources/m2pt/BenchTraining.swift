import Foundation
import MultimodalPathway
import PathwayKernels
import PathwayTraining

/// What `m2pt bench --training` found. Its JSON has these names in snake case.
struct BenchTraining: Encodable {
  let architecture: String
  let batch: Int
  let threads: Int
  let isa: String
  let precision: String
  /// nil: no auxiliary.
  let pathway: String?
  let processor: String?
  let date: String
  /// Of a step: forward pass, loss, backward pass and AdamW.
  let medianMs: Double
  let minMs: Double
  let maxMs: Double
  let timesMs: [Double]
  /// Medians of its parts.
  let forwardMs: Double
  let backwardMs: Double
  let optimizerMs: Double
  let imagesPerSecond: Double
  /// Of three forward passes, as peers are counted.
  let gflops: Double
  /// Multiply-adds on registers alone, the same threads, measured before and after the steps.
  let limitGflops: Double
  let percentOfLimit: Double
  /// What the step was planned to take, part by part.
  let memoryBytes: [String: Int]
  let peakResidentBytes: Int?
  /// Heap allocations of all counted steps, where a counter is preloaded (Tests/Checks/allocations).
  let allocations: Int?
  /// Means over the counted steps; nil: not asked for.
  let operations: [Operation]?

  struct Operation: Encodable {
    let name: String
    let calls: Double
    let ms: Double
    let percentOfStep: Double
  }

  init(
    _ benchmark: StepBenchmark, _ weights: PathwayWeights, runs: Int, profiles: Bool, precision: Precision,
    pathway: String?, engine: Engine
  ) throws {
    let before = try engine.peakGFLOPS(precision)
    for _ in 0..<2 { _ = try benchmark.step() }
    benchmark.reset()
    var steps: [StepBenchmark.Times] = []
    steps.reserveCapacity(runs)
    let counter = allocationCounter()
    let earlier = counter?() ?? 0
    for _ in 0..<runs { steps.append(try benchmark.step()) }
    allocations = counter.map { $0() - earlier }
    let totals = steps.map(\.total)
    let peak = ResidentMemory()?.peak
    limitGflops = max(before, try engine.peakGFLOPS(precision))
    architecture = weights.target.configuration.architecture
    (batch, threads, isa) = (benchmark.batch, engine.threads, engine.instructionSet.rawValue)
    (self.precision, self.pathway, processor) = (precision.rawValue, pathway, Machine.processor)
    date = ISO8601DateFormatter().string(from: Date())
    func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    medianMs = median(totals)
    minMs = totals.min() ?? 0
    maxMs = totals.max() ?? 0
    timesMs = totals
    forwardMs = median(steps.map(\.forward))
    backwardMs = median(steps.map(\.backward))
    optimizerMs = median(steps.map(\.optimizer))
    imagesPerSecond = Double(batch) / medianMs * 1e3
    gflops = benchmark.operationCount / medianMs * 1e-6
    percentOfLimit = 100 * gflops / limitGflops
    memoryBytes = Dictionary(benchmark.memory.filter { $0.bytes > 0 }, uniquingKeysWith: +)
    peakResidentBytes = peak
    let mean = totals.reduce(0, +) / Double(runs)
    operations =
      profiles
      ? benchmark.operations.map { operation in
        let ms = operation.seconds / Double(runs) * 1e3
        return Operation(
          name: operation.name, calls: Double(operation.calls) / Double(runs), ms: ms, percentOfStep: 100 * ms / mean)
      } : nil
  }

  /// The report for people.
  var lines: [String] {
    var lines = [
      String(
        format: "%@ training, batch %d, %d threads, %@, %@: median %.1f ms a step (%.1f...%.1f), %.1f images/s",
        architecture, batch, threads, isa, precision, medianMs, minMs, maxMs, imagesPerSecond),
      String(
        format: "forward %.1f ms, backward %.1f ms, optimizer %.1f ms; %.0f GFLOP/s, %.0f %% of the limit",
        forwardMs, backwardMs, optimizerMs, gflops, percentOfLimit),
    ]
    if let peakResidentBytes {
      lines.append(String(format: "peak memory %.2f GiB", Double(peakResidentBytes) / Double(1 << 30)))
    }
    guard let operations else { return lines }
    lines += ["", "operation     calls        ms   share"]
    for operation in operations {
      lines.append(
        operation.name.padded(to: 12)
          + String(format: "%7g %9.3f  %4.1f %%", operation.calls, operation.ms, operation.percentOfStep))
    }
    return lines
  }
}
