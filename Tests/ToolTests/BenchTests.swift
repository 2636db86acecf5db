import Foundation
import Testing

@Suite struct BenchTests {
  @Test(arguments: ["two-branch", "folded", "merged"])
  func reportsAsJSON(_ pathway: String) throws {
    let result = try Tool.run([
      "bench", "--architecture", "vit_tiny_patch16_224", "--runs", "2", "--threads", "2", "--pathway", pathway,
      "--json",
    ])
    #expect(result.status == 0, "\(result.errors)")
    let report = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any] ?? [:]
    #expect(report["pathway"] as? String == pathway)
    #expect(report["precision"] as? String == "float32")
    #expect(report["threads"] as? Int == 2)
    let times = try #require(report["times_ms"] as? [Double])
    #expect(times.count == 2 && number(report, "min_ms") == times.min() && number(report, "max_ms") == times.max())
    #expect(number(report, "median_ms") == times.max())
    // Matrices of ViT-Ti: 768 x 192 of patches, 442,368 weights a block, 192 x 1,000 of the head.
    let matrices = 768 * 192 + 12 * 442_368 + 192 * 1000
    #expect(number(report, "weight_bytes") >= Double(4 * matrices))
    #expect(number(report, "resident_bytes") > number(report, "weight_bytes"))
    #expect(number(report, "peak_resident_bytes") >= number(report, "resident_bytes"))
    let blocking = report["blocking"] as? [String: Int] ?? [:]
    #expect(blocking["k_block"] ?? 0 > 0 && blocking["row_block"] ?? 0 > 0)
    let caches = try #require(report["caches"] as? [[String: Int]])
    #expect(caches.allSatisfy { $0["bytes"] ?? 0 > 0 && $0["sharing"] != nil })
  }

  private static let tiny = ["bench", "--architecture", "vit_tiny_patch16_224", "--runs", "3", "--threads", "2"]

  /// Equal up to a few roundings of Double.
  private func isClose(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 0x1p-49 * abs(b) }

  /// Multiply-adds in the products of ViT-Ti, counted by hand: 196 patches of 768 values to 192 channels, 12 blocks of
  /// 197 tokens, 1,000 classes.
  private static let tinyOperations: Double = {
    let block = 197 * 192 * 576 + 2 * 197 * 197 * 192 + 197 * 192 * 192 + 2 * 197 * 192 * 768
    return Double(2 * (196 * 768 * 192 + 12 * block + 192 * 1000))
  }()

  /// GFLOP/s and shares of limits follow from the times and limits in the same report.
  @Test func ratesFollowFromTimesAndLimits() throws {
    let result = try Tool.run(Self.tiny + ["--batch", "2", "--profile", "--json"])
    #expect(result.status == 0, "\(result.errors)")
    let report = try object(result.output)
    let times = try #require(report["times_ms"] as? [Double]).sorted()
    #expect(times.count == 3 && number(report, "median_ms") == times[1])
    #expect(isClose(number(report, "gflops"), 2 * Self.tinyOperations / times[1] * 1e-6))
    #expect(
      isClose(number(report, "percent_of_limit"), 100 * number(report, "gflops") / number(report, "limit_gflops")))

    let profile = try #require(report["profile"] as? [String: Any])
    let limits = (number(profile, "limit_gflops"), number(profile, "memory_gbs"))
    for operation in try #require(profile["operations"] as? [[String: Any]]) {
      let (seconds, name) = (number(operation, "ms") * 1e-3, operation["name"] as? String ?? "")
      #expect(isClose(number(operation, "gflops"), number(operation, "gflop") / seconds), "\(name)")
      #expect(isClose(number(operation, "gbs"), number(operation, "megabytes") * 1e-3 / seconds), "\(name)")
      #expect(isClose(number(operation, "percent_of_pass"), 100 * number(operation, "ms") / number(profile, "pass_ms")))
      let byOperations = number(operation, "gflop") / limits.0
      let byBytes = number(operation, "megabytes") * 1e-3 / limits.1
      #expect(operation["bound"] as? String == (byOperations > byBytes ? "multiply-adds" : "memory"), "\(name)")
      let share =
        byOperations > byBytes ? number(operation, "gflops") / limits.0 : number(operation, "gbs") / limits.1
      #expect(isClose(number(operation, "percent_of_limit"), 100 * share), "\(name)")
    }
  }

  private func object(_ text: String) throws -> [String: Any] {
    try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:]
  }

  @Test func profilesOperationsAndDrawsThem() throws {
    try Tool.withFolder { folder in
      let page = folder.appendingPathComponent("bench.html")
      let result = try Tool.run(Self.tiny + ["--isa", "baseline", "--json", "--html", page.path])
      #expect(result.status == 0, "\(result.errors)")
      let report = try object(result.output)
      #expect(report["isa"] as? String == "baseline")
      let profile = report["profile"] as? [String: Any] ?? [:]
      let operations = profile["operations"] as? [[String: Any]] ?? []
      #expect(
        operations.compactMap { $0["name"] as? String } == [
          "patch_embed", "norm1", "attn.qkv", "attn", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2", "norm", "pool",
          "head",
        ])
      let times = operations.compactMap { $0["ms"] as? Double }
      let sum = try #require(profile["sum_ms"] as? Double)
      #expect(abs(times.reduce(0, +) - sum) < 1e-9 * sum)
      #expect(sum <= profile["pass_ms"] as? Double ?? 0)
      let html = try String(contentsOf: page, encoding: .utf8)
      #expect(html.hasPrefix("<!doctype html>") && html.contains("<svg") && !html.contains("http"))
      #expect(html.contains("mlp.fc1") && !html.contains("nan") && !html.contains("inf"))
    }
  }

  @Test func speaksBenchersFormat() throws {
    let result = try Tool.run(Self.tiny + ["--isa", "baseline", "--format", "bmf"])
    #expect(result.status == 0, "\(result.errors)")
    let report = try object(result.output)
    #expect(Array(report.keys) == ["vit_tiny_patch16_224/batch:1/threads:2/baseline/float32"])
    let measures = report.values.first as? [String: [String: Double]] ?? [:]
    for measure in ["latency", "throughput"] {
      let values = measures[measure] ?? [:]
      let (low, value, high) = (values["lower_value"] ?? 0, values["value"] ?? 0, values["upper_value"] ?? 0)
      #expect(0 < low && low <= value && value <= high, "\(measure)")
    }
    // One is in nanoseconds, the other in images a second; the slowest pass has the lowest throughput.
    for (time, rate) in [("value", "value"), ("lower_value", "upper_value"), ("upper_value", "lower_value")] {
      #expect(abs((measures["latency"]?[time] ?? 0) * (measures["throughput"]?[rate] ?? 0) - 1e9) < 1)
    }
  }

  @Test func speaksGoogleBenchmarksFormat() throws {
    let result = try Tool.run(Self.tiny + ["--isa", "baseline", "--format", "google"])
    #expect(result.status == 0, "\(result.errors)")
    let report = try object(result.output)
    let context = report["context"] as? [String: Any] ?? [:]
    for key in [
      "date", "host_name", "executable", "num_cpus", "mhz_per_cpu", "caches", "load_avg", "library_build_type",
    ] {
      #expect(context[key] != nil, "\(key)")
    }
    let entries = report["benchmarks"] as? [[String: Any]] ?? []
    #expect(entries.filter { $0["run_type"] as? String == "iteration" }.count == 3)
    #expect(entries.compactMap { $0["aggregate_name"] as? String } == ["mean", "median", "stddev", "cv"])
    for cache in try #require(context["caches"] as? [[String: Any]]) {
      #expect(["Data", "Unified"].contains(cache["type"] as? String) && cache["num_sharing"] is Int)
      #expect((1...3).contains(cache["level"] as? Int ?? 0) && cache["size"] as? Int ?? 0 > 0)
    }
    for key in ["name", "run_name", "real_time", "cpu_time", "time_unit", "iterations", "threads"] {
      #expect(entries.allSatisfy { $0[key] != nil }, "\(key)")
    }
  }

  @Test func timesTheStepsFromStartToLogits() throws {
    try Tool.withModels { folder in
      let model = folder.appendingPathComponent("target").path
      let result = try Tool.run(["bench", "--startup", "--model", model, "--runs", "2", "--threads", "2", "--json"])
      #expect(result.status == 0, "\(result.errors)")
      let report = try object(result.output)
      let parts = ["start_ms", "load_ms", "first_pass_ms"].map { number(report, $0) }
      #expect(parts.allSatisfy { $0 > 0 && $0 <= number(report, "max_ms") })
      #expect(
        isClose(
          number(report, "resident_over_weights"), number(report, "resident_bytes") / number(report, "weight_bytes")))
      #expect(
        isClose(
          number(report, "peak_over_weights"), number(report, "peak_resident_bytes") / number(report, "weight_bytes")))
      #expect(report["threads"] as? Int == 2)
      #expect(report["resident_over_weights"] as? Double ?? 0 > 1)
    }
    let missing = try Tool.run(["bench", "--startup", "--model", "/nowhere", "--runs", "1"])
    #expect(missing.status == 1 && missing.errors.contains("/nowhere"), "\(missing.errors)")
    let none = try Tool.run(["bench", "--startup"])
    #expect(none.status == 64 && none.errors.contains("--model"), "\(none.errors)")
    let both = try Tool.run(["bench", "--startup", "--model", "/nowhere", "--profile"])
    #expect(both.status == 64 && both.errors.contains("--profile"), "\(both.errors)")
  }

  @Test func refusesImpossibleOptions() throws {
    let precision = try Tool.run(["bench", "--precision", "float64"])
    #expect(precision.status == 64 && precision.errors.contains("float32"), "\(precision.errors)")
    let pathway = try Tool.run(["bench", "--pathway", "none"])
    #expect(pathway.status == 64 && pathway.errors.contains("two-branch"), "\(pathway.errors)")
    let formats = try Tool.run(["bench", "--json", "--format", "bmf"])
    #expect(formats.status == 64 && formats.errors.contains("--format"), "\(formats.errors)")
    let set = try Tool.run(["bench", "--isa", "sse9"])
    #expect(set.status == 64 && set.errors.contains("baseline"), "\(set.errors)")
    let model = try Tool.run(["bench", "--model", "/nowhere"])
    #expect(model.status == 1 && model.errors.contains("/nowhere"), "\(model.errors)")
  }
}
