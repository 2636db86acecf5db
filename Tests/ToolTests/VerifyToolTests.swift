import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// `m2pt verify` on pictures, and its report.
@Suite struct VerifyToolTests {
  @Test func verifiesAPictureAndWritesAReport() throws {
    try Tool.withModels { folder in
      let report = folder.appendingPathComponent("report.html")
      let options = [
        "verify", "--target", folder.appendingPathComponent("target").path, "--auxiliary",
        folder.appendingPathComponent("auxiliary.safetensors").path, "--scale", "-0.2", "--layers", "attn.qkv,mlp.fc2",
      ]
      let picture = Fixture.url("images/cat.jpg").path
      let run = try Tool.run(options + ["--input", picture, "--input", picture, "--html", report.path, "--json"])
      #expect(run.status == 0, "\(run.errors)")
      let result = try JSONDecoder().decode(Verification.self, from: Data(run.output.utf8))
      #expect(result.holds && result.inputShape.count == 4 && result.inputShape[0] == 2)
      #expect(result.layers.count == 4 && result.layers.allSatisfy { $0.scales == [-0.2] })
      let html = try String(contentsOf: report, encoding: .utf8)
      #expect(html.hasPrefix("<!doctype html>") && html.contains("<svg") && html.contains("blocks.0.attn.qkv"))
      #expect(!html.contains("http"))

      let both = try Tool.run(options + ["--input", picture, "--random-tokens", "5"])
      #expect(both.status == 64)
      let missing = try Tool.run(options + ["--input", folder.appendingPathComponent("no.jpg").path])
      #expect(missing.status == 1 && missing.errors.contains("no.jpg"))
    }
  }
}
