import Foundation
import MultimodalPathway
import PathwayKernels

/// What `m2pt bench` found. Its JSON has these names in snake case.
struct BenchReport: Encodable {
  let architecture: String
  let batch: Int
  let threads: Int
  let isa: String
  let precision: String
  /// The plan's formats that `isa` has no products of.
  let emulated: [String]
  /// nil: no auxiliary.
  let pathway: String?
  let processor: String?
  /// Of a core, where it tells, and the blocks that products are cut into for them.
  let caches: [Cache]
  let blocking: Blocking
  let date: String
  let medianMs: Double
  let minMs: Double
  let maxMs: Double
  /// Every counted pass, in order: wall clock, and processor time of all threads.
  let timesMs: [Double]
  let processorMs: [Double]
  /// Of all the model's operations, as peers are counted: a pass that leaves out what its head does not read (7 % of
  /// ViT-B) has done fewer. Of what is done, the profile tells.
  let gflops: Double
  /// Multiply-adds on registers alone, the same threads, measured before and after the passes.
  let limitGflops: Double
  let percentOfLimit: Double
  let weightBytes: Int
  /// Of the process, after the last pass; and the peak, loading included.
  let residentBytes: Int?
  let peakResidentBytes: Int?
  /// Heap allocations of all counted passes, where a counter is preloaded (Tests/Checks/allocations).
  let allocations: Int?
  let profile: Profile?

  /// Operation by operation, means over passes of their own.
  struct Profile: Encodable {
    let operations: [Operation]
    /// A pass from outside, and what its operations add up to: the rest starts threads and copies logits.
    let passMs: Double
    let sumMs: Double
    let limitGflops: Double
    /// Reading by all threads at once, from memory and from their second-level caches.
    let memoryGbs: Double
    let cacheGbs: Double
  }

  struct Operation: Encodable {
    enum Bound: String, Encodable {
      case multiplyAdds = "multiply-adds"
      case memory
    }

    let name: String
    /// Of one pass; so are the numbers below.
    let calls: Double
    let ms: Double
    let percentOfPass: Double
    /// Of `ms`, that threads waited for the slowest of them.
    let percentWaiting: Double
    let gflop: Double
    let gflops: Double
    /// Weights, inputs and outputs, each moved once.
    let megabytes: Double
    let gbs: Double
    /// Which limit is lower for this number of operations and bytes.
    let bound: Bound
    let percentOfLimit: Double
  }
}

extension BenchReport.Operation {
  init(
    name: String, entry: ForwardProfile.Entry, work: ForwardWork, runs: Int, pass: Double, limit: Double, memory: Double
  ) {
    let seconds = entry.seconds / Double(runs)
    self.name = name
    calls = Double(entry.calls) / Double(runs)
    ms = seconds * 1e3
    percentOfPass = 100 * ms / pass
    percentWaiting = 100 * entry.waiting
    gflop = work.operations * 1e-9
    gflops = gflop / seconds
    megabytes = work.bytes * 1e-6
    gbs = work.bytes * 1e-9 / seconds
    bound = work.operations / limit > work.bytes / memory ? .multiplyAdds : .memory
    percentOfLimit = 100 * (bound == .memory ? gbs / memory : gflops / limit)
  }
}

extension BenchMeasurement {
  func report(precision: String, pathway: String?) -> BenchReport {
    let sorted = wall.sorted()
    let median = sorted[sorted.count / 2]
    let gflops = model.configuration.operationCount * Double(batch) / median * 1e-6
    let memory = ResidentMemory()
    return BenchReport(
      architecture: model.configuration.architecture, batch: batch, threads: model.engine.threads,
      isa: model.engine.instructionSet.rawValue, precision: precision,
      emulated: model.precision.formats.filter(model.engine.instructionSet.emulates).map(\.rawValue), pathway: pathway,
      processor: Machine.processor, caches: Cache.all, blocking: model.engine.kernels.blocking,
      date: ISO8601DateFormatter().string(from: Date()), medianMs: median, minMs: sorted[0],
      maxMs: sorted[sorted.count - 1], timesMs: wall, processorMs: self.processor, gflops: gflops, limitGflops: limit,
      percentOfLimit: 100 * gflops / limit, weightBytes: model.weightBytes,
      residentBytes: memory?.now, peakResidentBytes: memory?.peak, allocations: allocations, profile: profile)
  }
}

extension BenchReport {
  /// "vit_base_patch16_224/batch:1/threads:2/avx512/float32", and the pathway where there is one.
  var name: String {
    ([architecture, "batch:\(batch)", "threads:\(threads)", isa, precision] + (pathway.map { [$0] } ?? []))
      .joined(separator: "/")
  }

  /// The report for people.
  var lines: [String] {
    let head = String(
      format: "%@ batch %d, %d threads, %@, %@: median %.1f ms (%.1f...%.1f), %.0f GFLOP/s, %.0f %% of the limit",
      architecture, batch, threads, isa, precision, medianMs, minMs, maxMs, gflops, percentOfLimit)
    guard let profile else { return [head] }
    var lines = [
      head, "",
      "operation     calls        ms   share  waiting     GFLOP  GFLOP/s        MB     GB/s  % of limit",
    ]
    for operation in profile.operations {
      lines.append(
        operation.name.padded(to: 12)
          + String(
            format: "%7g %9.3f  %4.1f %%  %5.1f %% %9.3f %8.1f %9.2f %8.1f  %8.0f  ", operation.calls, operation.ms,
            operation.percentOfPass, operation.percentWaiting, operation.gflop, operation.gflops,
            operation.megabytes, operation.gbs, operation.percentOfLimit) + "of \(operation.bound.rawValue)")
    }
    lines.append(
      String(
        format:
          "sum %.3f ms of a pass of %.3f ms; limits: multiply-adds %.0f GFLOP/s, memory %.1f GB/s, cache %.0f GB/s",
        profile.sumMs, profile.passMs, profile.limitGflops, profile.memoryGbs, profile.cacheGbs))
    let sizes = caches.map { "L\($0.level) \($0.bytes >> 10) KiB" }.joined(separator: ", ")
    lines.append(
      "products in blocks of \(blocking.rowBlock) rows and \(blocking.kBlock) words; caches of a core: "
        + (sizes.isEmpty ? "not told" : sizes))
    return lines
  }
}
