import Foundation
import MultimodalPathway
import TestSupport
import Testing
import m2pt

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
      // Every lambda is -0.2, the deepest blue; the largest |lambda W'| / |W| is the deepest red, and
      // layers that are not joined are grey in both pictures.
      func count(_ color: String) -> Int { html.components(separatedBy: "fill=\"\(color)\"").count - 1 }
      #expect(count("rgb(33,102,172)") == 4 && count("rgb(178,24,43)") >= 1 && count("#ddd") == 8)

      let both = try Tool.run(options + ["--input", picture, "--random-tokens", "5"])
      #expect(both.status == 64)
      let missing = try Tool.run(options + ["--input", folder.appendingPathComponent("no.jpg").path])
      #expect(missing.status == 1 && missing.errors.contains("no.jpg"))
    }
  }

  /// A merged model with another scale than the expected one.
  @Test func theReportNamesWhatDiffers() throws {
    try Tool.withModels { folder in
      let target = try ModelWeights(modelAt: folder.appendingPathComponent("target"))
      let auxiliary = try AuxiliaryWeights(modelAt: folder.appendingPathComponent("auxiliary.safetensors"))
      func joined(_ scale: Float) throws -> PathwayWeights {
        try target.attach(auxiliary: auxiliary, layers: [.qkv], scale: scale)
      }
      let engine = try Engine()
      let models = try PathwayExecution.allCases.map { execution in
        try VisionTransformer(joined(execution == .merged ? 0.6 : 0.5), execution: execution, engine: engine)
      }
      var random = SeededGenerator(seed: 5)
      let tokens = Tensor(random.floats(5 * 48), shape: [1, 5, 48])
      let lines = try Verification(joined(0.5), models: models, input: tokens).lines
      #expect(lines.count == 1 + 2 + 2 + 2 * 5 + 2 && lines.last == "verdict: NOT EQUAL")
      #expect(lines[1].hasPrefix("blocks.0.attn.qkv      0.5") && lines[1].hasSuffix("BITS DIFFER"))
      #expect(lines.count { $0.hasSuffix("BITS DIFFER") } == 4 && !lines.contains { $0.hasSuffix("same bits") })
      let right = try Verification(joined(0.5), input: tokens, engine: engine).lines
      #expect(right.count { $0.hasSuffix("same bits") } == 4 && right.last == "verdict: equal")
    }
  }

  /// Two classes that differ by one rounding: all executions are within their bounds, but answer different classes.
  @Test func aNegativeVerdictExitsWithOne() throws {
    try Tool.withModels { folder in
      let target = folder.appendingPathComponent("target")
      let auxiliary = folder.appendingPathComponent("auxiliary.safetensors")
      let weights = try ModelWeights(modelAt: target)
      let joined = try weights.attach(auxiliary: AuxiliaryWeights(modelAt: auxiliary), scale: 0.2)
      // The input of --random-tokens 20 --seed 7.
      var state: UInt64 = 7
      let values = (0..<20 * 48).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(Int32(truncatingIfNeeded: state >> 32)) * 0x1p-31
      }
      func pooled(_ execution: PathwayExecution) throws -> [Float] {
        let model = try VisionTransformer(joined, execution: execution, engine: Engine())
        return try model.forward(tokens: Tensor(values, shape: [1, 20, 48]), features: true).pooled.float32()
      }
      let (two, merged) = (try pooled(.twoBranch), try pooled(.merged))
      let place = try #require(two.indices.first { two[$0] < merged[$0] })
      // Logits of two branches are 0, 0 and -1; merged, the second is above 0.
      var head = [Float](repeating: 0, count: 3 * 48)
      head[48 + place] = 1
      var tensors = weights.tensors
      tensors["head.weight"] = Tensor(head, shape: [3, 48])
      tensors["head.bias"] = Tensor([0, -two[place], -1], shape: [3])
      try Checkpoint(tensors: tensors).write(to: target.appendingPathComponent("model.safetensors"))

      let report = folder.appendingPathComponent("report.html")
      let options = [
        "verify", "--target", target.path, "--auxiliary", auxiliary.path, "--scale", "0.2", "--random-tokens", "20",
        "--seed", "7",
      ]
      let text = try Tool.run(options + ["--html", report.path])
      #expect(text.status == 1 && text.errors.isEmpty, "\(text.errors)")
      #expect(text.output.contains("top-1 agreement: 0 %\nverdict: NOT EQUAL\n"), "\(text.output)")
      #expect(try String(contentsOf: report, encoding: .utf8).contains("NOT EQUAL"))
      let json = try Tool.run(options + ["--json"])
      let result = try JSONDecoder().decode(Verification.self, from: Data(json.output.utf8))
      #expect(json.status == 1 && !result.holds && result.top1Agreement == 0)
      #expect(result.layers.allSatisfy(\.holds) && result.outputs.allSatisfy(\.holds))
    }
  }
}
