import Foundation
import Testing

/// `m2pt bench --training`.
@Suite struct BenchTrainingTests {
  private static let tiny = ["bench", "--training", "--architecture", "vit_tiny_patch16_224", "--threads", "2"]

  @Test(arguments: [nil, "folded"])
  func reportsStepsAsJSON(_ pathway: String?) throws {
    let options = ["--batch", "2", "--runs", "3", "--json"] + (pathway.map { ["--pathway", $0] } ?? [])
    let result = try Tool.run(Self.tiny + options)
    #expect(result.status == 0, "\(result.errors)")
    let report = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any] ?? [:]
    #expect(report["pathway"] as? String == pathway)
    #expect(report["precision"] as? String == "float32" && report["batch"] as? Int == 2)
    let times = try #require(report["times_ms"] as? [Double]).sorted()
    #expect(times.count == 3 && number(report, "median_ms") == times[1])
    #expect(number(report, "min_ms") == times[0] && number(report, "max_ms") == times[2])
    for part in ["forward_ms", "backward_ms", "optimizer_ms"] { #expect(number(report, part) > 0) }
    // Multiply-adds of two inputs: patches, 12 blocks of 197 tokens, the head; three times but for patches.
    let patches = 196 * 768 * 192
    let forward = patches + 12 * (197 * 442_368 + 2 * 197 * 197 * 192) + 192 * 1000
    let expected = Double(2 * 2 * (3 * forward - patches))
    #expect(abs(number(report, "gflops") * number(report, "median_ms") * 1e6 / expected - 1) < 1e-12)
    #expect(number(report, "percent_of_limit") == 100 * number(report, "gflops") / number(report, "limit_gflops"))
    let memory = try #require(report["memory_bytes"] as? [String: Int])
    #expect(memory.values.allSatisfy { $0 > 0 } && memory["inputs"] == 4 * 2 * 3 * 224 * 224)
    #expect(number(report, "peak_resident_bytes") > Double(memory["moments"] ?? .max))
    #expect(report["operations"] == nil)
  }

  @Test func aProfileListsForwardAndBackwardOperations() throws {
    let result = try Tool.run(Self.tiny + ["--batch", "1", "--runs", "1", "--profile", "--json"])
    #expect(result.status == 0, "\(result.errors)")
    let report = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any] ?? [:]
    let operations = try #require(report["operations"] as? [[String: Any]])
    // dW of four layers a block, of the head and of patches; dX but for patches.
    #expect(operations.first { $0["name"] as? String == "dW" }?["calls"] as? Double == 50)
    #expect(operations.first { $0["name"] as? String == "dX" }?["calls"] as? Double == 49)
    #expect(operations.contains { $0["name"] as? String == "attn.qkv" })
  }

  @Test func refusesWhatItCannotTime() throws {
    for (options, words) in [
      (["--pathway", "merged"], "--pathway folded"), (["--precision", "int8"], "int8"), (["--startup"], "--startup"),
      (["--format", "bmf"], "--format"),
    ] {
      let result = try Tool.run(Self.tiny + options)
      #expect(result.status == 64 && result.errors.contains(words), "\(options): \(result.errors)")
    }
  }
}
