import Foundation
import MultimodalPathway
import PathwayKernels

/// Times of a model's forward passes, and what this processor could reach while they ran.
struct BenchMeasurement {
  /// Bytes a thread reads to find its second-level cache's limit: more than the first level holds, less than the
  /// second.
  private static let cachedBytes = 128 << 10
  /// All threads' to find the memory's: more than common processors' caches hold.
  private static let memoryBytes = 256 << 20

  let model: VisionTransformer
  let batch: Int
  /// Wall clock and processor time (all threads, waiting included where they spin) of every counted pass, in order.
  private(set) var wall: [Double] = []
  private(set) var processor: [Double] = []
  /// Heap allocations of all counted passes; nil: not counted (Tests/Checks/allocations counts).
  private(set) var allocations: Int?
  /// Operations a second, in GFLOP/s: the best of before and after.
  private(set) var limit: Double
  private(set) var profile: BenchReport.Profile?

  init(_ model: VisionTransformer, batch: Int, runs: Int, profiles: Bool) throws {
    self.model = model
    self.batch = batch
    limit = try model.engine.peakGFLOPS(model.precision.standard)
    let images = try Self.images(model.configuration, batch: batch)
    let counter = allocationCounter()
    // Of their own, not of `self`, which `passes` has a copy of: appending would copy them.
    var (walls, processors): ([Double], [Double]) = ([], [])
    walls.reserveCapacity(runs)
    processors.reserveCapacity(runs)
    var before = 0
    try passes(images, model.workspace(batch: batch), runs) { run, wall, processor in
      if run == -1 { before = counter?() ?? 0 }
      guard run >= 0 else { return }
      walls.append(wall)
      processors.append(processor)
    }
    allocations = counter.map { $0() - before }
    (wall, processor) = (walls, processors)
    limit = max(limit, try model.engine.peakGFLOPS(model.precision.standard))
    if profiles { profile = try makeProfile(images, runs) }
  }

  /// Two passes that warm up, `runs` that count; `body` gets each one's number, from -2, and milliseconds.
  private func passes(
    _ images: Tensor, _ workspace: Workspace, _ runs: Int, _ body: (Int, Double, Double) -> Void
  ) throws {
    let c = model.configuration
    var logits = [Float](repeating: 0, count: batch * c.answerShape.reduce(1, *))
    for run in -2..<runs {
      let start = (DispatchTime.now().uptimeNanoseconds, processorNanoseconds())
      var output = logits.mutableSpan
      try model.forward(images, into: &output, workspace: workspace)
      let end = (DispatchTime.now().uptimeNanoseconds, processorNanoseconds())
      body(run, Double(end.0 - start.0) * 1e-6, Double(end.1 - start.1) * 1e-6)
    }
  }

  private func makeProfile(_ images: Tensor, _ runs: Int) throws -> BenchReport.Profile {
    let engine = model.engine
    let memory = try engine.peakBandwidth(bytesPerThread: Self.memoryBytes / engine.threads)
    let cache = try engine.peakBandwidth(bytesPerThread: Self.cachedBytes)
    let workspace = try model.workspace(batch: batch, profiled: true)
    var total = 0.0
    try passes(images, workspace, runs) { run, wall, _ in
      if run == -1 { workspace.profile?.reset() }
      if run >= 0 { total += wall }
    }
    let memoryNow = max(memory, try engine.peakBandwidth(bytesPerThread: Self.memoryBytes / engine.threads))
    let limit = max(limit, try engine.peakGFLOPS(model.precision.standard))
    let work = model.work(batch: batch)
    let pass = total / Double(runs)
    let operations = ForwardOperation.allCases.compactMap { operation -> BenchReport.Operation? in
      guard let entry = workspace.profile?[operation], let work = work[operation] else { return nil }
      return BenchReport.Operation(
        name: operation.name, entry: entry, work: work, runs: runs, pass: pass, limit: limit, memory: memoryNow)
    }
    return BenchReport.Profile(
      operations: operations, passMs: pass, sumMs: operations.reduce(0) { $0 + $1.ms }, limitGflops: limit,
      memoryGbs: memoryNow, cacheGbs: cache)
  }

  /// Numbers in -1...1 that no operation is quicker with.
  static func images(_ c: VisionTransformerConfiguration, batch: Int) throws -> Tensor {
    try SystemMemory.require(SystemMemory.product(batch, c.inputShape.reduce(1, *), 4), for: .inputs)
    return Tensor(shape: [batch] + c.inputShape) { pixels in
      for index in pixels.indices { pixels[index] = Float(index % 255) / 128 - 1 }
    }
  }
}

/// The function that Tests/Checks/allocations preloads: heap allocations of the process so far.
func allocationCounter() -> (@convention(c) () -> Int)? {
  guard let symbol = dlsym(nil, "m2pt_allocation_count") else { return nil }
  // SAFETY: Tests/Checks/count_allocations.c declares it `long m2pt_allocation_count(void)`.
  return unsafeBitCast(symbol, to: (@convention(c) () -> Int).self)
}

/// Of all threads of this process.
private func processorNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
