import Foundation

extension BenchReport {
  /// Bencher's metric format: benchmark -> measure -> value with bounds
  /// (bencher.dev/docs/reference/bencher-metric-format). `latency` is in nanoseconds and `throughput` a second, as
  /// Bencher's own measures of these names are.
  var bencherMetrics: [String: [String: BencherMetric]] {
    var measures = [
      "latency": BencherMetric(value: medianMs * 1e6, lowerValue: minMs * 1e6, upperValue: maxMs * 1e6),
      "throughput": BencherMetric(
        value: Double(batch) / medianMs * 1e3, lowerValue: Double(batch) / maxMs * 1e3,
        upperValue: Double(batch) / minMs * 1e3),
      "gflops": BencherMetric(value: gflops), "percent-of-limit": BencherMetric(value: percentOfLimit),
    ]
    measures["resident-bytes"] = residentBytes.map { BencherMetric(value: Double($0)) }
    measures["allocations"] = allocations.map { BencherMetric(value: Double($0)) }
    var result = [name: measures]
    for operation in profile?.operations ?? [] {
      result["\(name)/\(operation.name)"] = [
        "latency": BencherMetric(value: operation.ms * 1e6), "gflops": BencherMetric(value: operation.gflops),
        "percent-of-limit": BencherMetric(value: operation.percentOfLimit),
      ]
    }
    return result
  }
}

struct BencherMetric: Encodable {
  let value: Double
  var lowerValue: Double?
  var upperValue: Double?
}

/// Google Benchmark's JSON: every counted pass an iteration, then its aggregates; a profile's operations are iterations
/// of their own. Its tools (compare.py) read it.
struct GoogleBenchmark: Encodable {
  let context: Context
  let benchmarks: [Entry]

  struct Context: Encodable {
    let date: String
    let hostName: String
    let executable: String
    let numCpus: Int
    let mhzPerCpu: Int
    let cpuScalingEnabled: Bool
    let caches: [Cache]
    let loadAvg: [Double]
    let libraryVersion: String
    let libraryBuildType: String
    let jsonSchemaVersion: Int
    // Beyond Google's: what the numbers are of.
    let processor: String?
    let isa: String
    let precision: String
  }

  struct Cache: Encodable {
    let type: String
    let level: Int
    let size: Int
    let numSharing: Int
  }

  struct Entry: Encodable {
    let name: String
    let familyIndex: Int
    let perFamilyInstanceIndex = 0
    let runName: String
    let runType: String
    let repetitions: Int
    var repetitionIndex: Int?
    let threads: Int
    var aggregateName: String?
    var aggregateUnit: String?
    let iterations: Int
    let realTime: Double
    let cpuTime: Double
    let timeUnit = "ms"
    var itemsPerSecond: Double?
  }
}

extension GoogleBenchmark {
  init(_ report: BenchReport) {
    let count = report.timesMs.count
    let passes = zip(report.timesMs, report.processorMs).enumerated().map { index, times in
      Entry(
        name: report.name, familyIndex: 0, runName: report.name, runType: "iteration", repetitions: count,
        repetitionIndex: index, threads: report.threads, iterations: 1, realTime: times.0, cpuTime: times.1,
        itemsPerSecond: Double(report.batch) / times.0 * 1e3)
    }
    let aggregates = ["mean", "median", "stddev", "cv"].map { aggregate in
      Entry(
        name: "\(report.name)_\(aggregate)", familyIndex: 0, runName: report.name, runType: "aggregate",
        repetitions: count, threads: report.threads, aggregateName: aggregate,
        aggregateUnit: aggregate == "cv" ? "percentage" : "time", iterations: count,
        realTime: Self.aggregate(aggregate, report.timesMs), cpuTime: Self.aggregate(aggregate, report.processorMs))
    }
    let operations = (report.profile?.operations ?? []).enumerated().map { index, operation in
      // Its threads work or wait all the time.
      Entry(
        name: "\(report.name)/\(operation.name)", familyIndex: index + 1, runName: "\(report.name)/\(operation.name)",
        runType: "iteration", repetitions: 1, repetitionIndex: 0, threads: report.threads, iterations: count,
        realTime: operation.ms, cpuTime: operation.ms * Double(report.threads))
    }
    let caches = report.caches.map {
      Cache(type: $0.level == 1 ? "Data" : "Unified", level: $0.level, size: $0.bytes, numSharing: $0.sharing)
    }
    context = Context(
      date: report.date, hostName: ProcessInfo.processInfo.hostName, executable: CommandLine.arguments[0],
      numCpus: ProcessInfo.processInfo.activeProcessorCount, mhzPerCpu: Machine.megahertz ?? 0,
      cpuScalingEnabled: false, caches: caches, loadAvg: Machine.load, libraryVersion: "m2pt",
      libraryBuildType: Machine.buildType, jsonSchemaVersion: 1, processor: report.processor, isa: report.isa,
      precision: report.precision)
    benchmarks = passes + aggregates + operations
  }

  private static func aggregate(_ name: String, _ values: [Double]) -> Double {
    let mean = values.reduce(0, +) / Double(values.count)
    let sorted = values.sorted()
    let middle = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let deviation = values.count > 1 ? (squares / Double(values.count - 1)).squareRoot() : 0
    switch name {
    case "mean": return mean
    case "median": return middle
    case "stddev": return deviation
    default: return deviation / mean
    }
  }
}
