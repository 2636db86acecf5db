import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// python3, if it has timm and safetensors.
private enum Timm {
  static let isInstalled = (try? run("import safetensors.torch, timm", []).status) == 0

  static func run(_ script: String, _ arguments: [String]) throws -> (status: Int32, errors: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", script] + arguments
    let errors = Pipe()
    process.standardOutput = FileHandle.nullDevice
    process.standardError = errors
    try process.run()
    let text = try errors.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: text, as: UTF8.self))
  }
}

/// A promise of the README: timm loads converted and merged files with `strict=True`.
@Suite(.enabled(if: Timm.isInstalled, "python3 with timm and safetensors is not installed"))
struct TimmLoadingTests {
  private static let strict = """
    import json, sys, timm
    from safetensors.torch import load_file
    config = json.load(open(sys.argv[1]))
    name, arguments = config["architecture"], config["model_args"]
    if timm.is_model(name):
        model = timm.create_model(name, **arguments)
    else:
        model = timm.models.vision_transformer.VisionTransformer(**arguments)
    model.load_state_dict(load_file(sys.argv[2]), strict=True)
    """

  private func expectStrict(_ config: URL, _ tensors: URL) throws {
    let result = try Timm.run(Self.strict, [config.path, tensors.path])
    #expect(result.status == 0, "\(result.errors)")
  }

  @Test func aConvertedModelLoads() throws {
    try ConvertToolTests.withModel { folder in
      let output = folder.appendingPathComponent("out")
      let result = try Tool.run(["convert", folder.appendingPathComponent("source").path, output.path])
      try #require(result.status == 0, "\(result.errors)")
      try expectStrict(output.appendingPathComponent("config.json"), output.appendingPathComponent("model.safetensors"))
    }
  }

  @Test func aMergedModelLoads() throws {
    try Tool.withModels { folder in
      let target = folder.appendingPathComponent("target").path
      let merged = folder.appendingPathComponent("merged.safetensors")
      let result = try Tool.run([
        "merge", "--target", target, "--auxiliary", folder.appendingPathComponent("auxiliary.safetensors").path,
        "--scale", "0.05", "--output", merged.path,
      ])
      try #require(result.status == 0, "\(result.errors)")
      let config = folder.appendingPathComponent("merged.json")
      let text = try #require(try Checkpoint(contentsOf: merged).metadata[ModelWeights.configurationKey])
      try Data(text.utf8).write(to: config)
      try expectStrict(config, merged)
    }
  }
}
