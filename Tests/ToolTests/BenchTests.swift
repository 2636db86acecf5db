import Foundation
import Testing

@Suite struct BenchTests {
  @Test(arguments: ["two-branch", "folded", "merged"])
  func reportsAsJSON(_ pathway: String) throws {
    let result = try Tool.run([
      "bench", "--architecture", "vit_tiny_patch16_224", "--runs", "2", "--threads", "2", "--pathway", pathway, "--json",
    ])
    #expect(result.status == 0, "\(result.errors)")
    let report = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any] ?? [:]
    #expect(report["pathway"] as? String == pathway)
    #expect(report["precision"] as? String == "float32")
    #expect(report["threads"] as? Int == 2)
    for key in ["median_ms", "min_ms", "gflops", "limit_gflops", "percent_of_limit", "resident_bytes"] {
      #expect(report[key] as? Double ?? 0 > 0, "\(key)")
    }
  }

  @Test func refusesWhatItCannotDo() throws {
    let precision = try Tool.run(["bench", "--precision", "float64"])
    #expect(precision.status == 64 && precision.errors.contains("float32"), "\(precision.errors)")
    let pathway = try Tool.run(["bench", "--pathway", "none"])
    #expect(pathway.status == 64 && pathway.errors.contains("two-branch"), "\(pathway.errors)")
    let model = try Tool.run(["bench", "--model", "/nowhere"])
    #expect(model.status == 1 && model.errors.contains("/nowhere"), "\(model.errors)")
  }
}
