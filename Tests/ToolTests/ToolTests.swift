import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// The tool, run as a process.
@Suite struct ToolTests {
  @Test func versionAndUsage() throws {
    #expect(try Tool.run(["--version"]).output == "\(multimodalPathwayVersion)\n")
    #expect(try Tool.run(["merge"]).status == 64)
    #expect(try Tool.run(["no-such-command"]).status == 64)
  }

  @Test func mergesAndVerifies() throws {
    try Tool.withModels { folder in
      let target = folder.appendingPathComponent("target").path
      let auxiliary = folder.appendingPathComponent("auxiliary.safetensors").path
      let merged = folder.appendingPathComponent("merged.safetensors")
      let options = ["--target", target, "--auxiliary", auxiliary, "--scale", "0.05", "--block-map", "0:1"]
      let merge = try Tool.run(["merge"] + options + ["--layers", "attn.qkv,mlp.fc1", "--output", merged.path])
      #expect(merge.status == 0, "\(merge.errors)")
      let before = try Checkpoint(contentsOf: URL(fileURLWithPath: target))
      let after = try Checkpoint(contentsOf: merged)
      let other = try Checkpoint(contentsOf: URL(fileURLWithPath: auxiliary))
      for (name, tensor) in before.tensors {
        var expected = try tensor.float32()
        if ["blocks.0.attn.qkv.weight", "blocks.0.mlp.fc1.weight"].contains(name) {
          let share = try other.tensors[name.replacingOccurrences(of: "blocks.0", with: "blocks.1")]!.float32()
          for index in expected.indices { expected[index] = expected[index].addingProduct(0.05, share[index]) }
        }
        let found = try after.tensors[name]?.float32()
        #expect(found == expected, "\(name)")
      }
      #expect(after.metadata["m2pt.source.auxiliary.0"]?.contains("sha256:") == true)

      let verify = try Tool.run(["verify"] + options + ["--random-tokens", "20", "--json"])
      #expect(verify.status == 0, "\(verify.errors)")
      let result = try JSONDecoder().decode(Verification.self, from: Data(verify.output.utf8))
      #expect(result.layers.count == 4 && result.holds)
    }
  }

  @Test func refusesToOverwriteAnInput() throws {
    try Tool.withModels { folder in
      let auxiliary = folder.appendingPathComponent("auxiliary.safetensors")
      let before = try Data(contentsOf: auxiliary)
      let result = try Tool.run([
        "merge", "--target", folder.appendingPathComponent("target").path, "--auxiliary", auxiliary.path, "--scale",
        "1",
        "--output", auxiliary.path,
      ])
      #expect(result.status == 1)
      #expect(result.errors.contains("choose another --output"))
      let after = try Data(contentsOf: auxiliary)
      #expect(after == before)
    }
  }

  @Test func inspects() throws {
    try Tool.withModels { folder in
      let good = try Tool.run(["inspect", folder.appendingPathComponent("target").path])
      #expect(good.status == 0 && good.output.contains("fits vit_test"))
      let bad = folder.appendingPathComponent("bad.safetensors")
      try Data("not a checkpoint".utf8).write(to: bad)
      let result = try Tool.run(["inspect", bad.path])
      #expect(result.status == 1 && result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    }
  }
}
