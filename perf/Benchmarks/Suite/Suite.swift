import Benchmark
import MultimodalPathway
import PathwayCases

// Every named case on two threads, or as many as OMP_NUM_THREADS says: wall clock, and runs a second.
let benchmarks: @Sendable () -> Void = {
  for work in PathwayCase.all {
    Benchmark(
      work.name,
      configuration: .init(
        metrics: [.wallClock, .throughput], warmupIterations: 2, maxDuration: .seconds(5), maxIterations: 200)
    ) { benchmark, run in
      for _ in benchmark.scaledIterations { try run() }
    } setup: {
      try work.prepare(Engine(threads: ProcessThreads.count))
    }
  }
}
