import Foundation

extension BenchReport {
  /// Bencher's metric format: benchmark -> measure -> value with bounds (bencher.dev/docs/reference/bencher-metric-format).
  /// `latency` is in nanoseconds and `throughput` a second, as Bencher's own measures of these names are.
  var bencherMetrics: [String: [String: BencherMetric]] {
    var measures = [
      "latency": BencherMetric(value: median_ms * 1e6, lower_value: min_ms * 1e6, upper_value: max_ms * 1e6),
      "throughput": BencherMetric(
        value: Double(batch) / median_ms * 1e3, lower_value: Double(batch) / max_ms * 1e3,
        upper_value: Double(batch) / min_ms * 1e3),
      "gflops": BencherMetric(value: gflops), "percent-of-limit": BencherMetric(value: percent_of_limit),
    ]
    measures["resident-bytes"] = resident_bytes.map { BencherMetric(value: Double($0)) }
    measures["allocations"] = allocations.map { BencherMetric(value: Double($0)) }
    var result = [name: measures]
    for operation in profile?.operations ?? [] {
      result["\(name)/\(operation.name)"] = [
        "latency": BencherMetric(value: operation.ms * 1e6), "gflops": BencherMetric(value: operation.gflops),
        "percent-of-limit": BencherMetric(value: operation.percent_of_limit),
      ]
    }
    return result
  }
}

struct BencherMetric: Encodable {
  let value: Double
  var lower_value: Double?
  var upper_value: Double?
}

/// Google Benchmark's JSON: every counted pass an iteration, then its aggregates; a profile's operations are iterations
/// of their own. Its tools (compare.py) read it.
struct GoogleBenchmark: Encodable {
  let context: Context
  let benchmarks: [Entry]

  struct Context: Encodable {
    let date: String
    let host_name: String
    let executable: String
    let num_cpus: Int
    let mhz_per_cpu: Int
    let cpu_scaling_enabled: Bool
    let caches: [String]
    let load_avg: [Double]
    let library_version: String
    let library_build_type: String
    let json_schema_version: Int
    // Beyond Google's: what the numbers are of.
    let processor: String?
    let isa: String
    let precision: String
  }

  struct Entry: Encodable {
    let name: String
    let family_index: Int
    let per_family_instance_index = 0
    let run_name: String
    let run_type: String
    let repetitions: Int
    var repetition_index: Int?
    let threads: Int
    var aggregate_name: String?
    var aggregate_unit: String?
    let iterations: Int
    let real_time: Double
    let cpu_time: Double
    let time_unit = "ms"
    var items_per_second: Double?
  }
}

extension GoogleBenchmark {
  init(_ report: BenchReport) {
    let count = report.times_ms.count
    let passes = zip(report.times_ms, report.processor_ms).enumerated().map { index, times in
      Entry(
        name: report.name, family_index: 0, run_name: report.name, run_type: "iteration", repetitions: count,
        repetition_index: index, threads: report.threads, iterations: 1, real_time: times.0, cpu_time: times.1,
        items_per_second: Double(report.batch) / times.0 * 1e3)
    }
    let aggregates = ["mean", "median", "stddev", "cv"].map { aggregate in
      Entry(
        name: "\(report.name)_\(aggregate)", family_index: 0, run_name: report.name, run_type: "aggregate",
        repetitions: count, threads: report.threads, aggregate_name: aggregate,
        aggregate_unit: aggregate == "cv" ? "percentage" : "time", iterations: count,
        real_time: Self.aggregate(aggregate, report.times_ms), cpu_time: Self.aggregate(aggregate, report.processor_ms))
    }
    let operations = (report.profile?.operations ?? []).enumerated().map { index, operation in
      // Its threads work or wait all the time.
      Entry(
        name: "\(report.name)/\(operation.name)", family_index: index + 1, run_name: "\(report.name)/\(operation.name)",
        run_type: "iteration", repetitions: 1, repetition_index: 0, threads: report.threads, iterations: count,
        real_time: operation.ms, cpu_time: operation.ms * Double(report.threads))
    }
    context = Context(
      date: report.date, host_name: ProcessInfo.processInfo.hostName, executable: CommandLine.arguments[0],
      num_cpus: ProcessInfo.processInfo.activeProcessorCount, mhz_per_cpu: Machine.megahertz ?? 0,
      cpu_scaling_enabled: false, caches: [], load_avg: Machine.load, library_version: "m2pt",
      library_build_type: Machine.buildType, json_schema_version: 1, processor: report.processor, isa: report.isa,
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
