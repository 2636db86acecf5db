import ArgumentParser
import Foundation
import MultimodalPathway

/// Threads, for every command that computes.
struct EngineOptions: ParsableArguments {
  @Option(help: "Threads (default: OMP_NUM_THREADS, else all processors).") var threads: Int?

  func engine() throws -> Engine { try Engine(threads: threads) }
}

/// A target, its auxiliaries and how they are joined.
struct PathwayOptions: ParsableArguments {
  @Option(help: "Target model: a directory with config.json, or a safetensors file with --architecture.")
  var target: String
  @Option(help: "timm's name of the target's architecture, where it has no config.json.") var architecture: String?
  @Option(parsing: .singleValue, help: "Auxiliary checkpoint; repeat it for several.") var auxiliary: [String] = []
  @Option(parsing: .unconditional, help: "Scale of every joined layer that --scales does not name.")
  var scale: Float = 0
  @Option(help: "JSON file of scales: {\"blocks.0.attn.qkv\": 0.05}, or an array with one object per auxiliary.")
  var scales: String?
  @Option(name: .customLong("block-map"), help: "Target:auxiliary blocks, 0:0,3:1; or identity, reversed.")
  var blockMap = "identity"
  @Option(help: "Joined layers, comma-separated: attn.qkv,attn.proj,mlp.fc1,mlp.fc2.") var layers: String?
  @Option(name: .customLong("auxiliary-heads"), help: "Heads of the auxiliaries, to warn where they differ.")
  var auxiliaryHeads: Int?
  @Flag(help: "Fold the auxiliaries' biases too.") var bias = false

  func validate() throws {
    if auxiliary.isEmpty { throw ValidationError("Name at least one --auxiliary.") }
  }

  func targetWeights() throws -> ModelWeights {
    try ModelWeights(modelAt: URL(fileURLWithPath: target), architecture: architecture)
  }

  /// Files of target and auxiliaries, as far as they are single files.
  func inputs() throws -> [URL] {
    try ([target] + auxiliary).flatMap { try Checkpoint(contentsOf: URL(fileURLWithPath: $0)).files }
  }

  func joined() throws -> PathwayWeights {
    let tables = try scaleTables()
    let chosen: [PathwayLayer] = try layers.map { text in
      try text.split(separator: ",").map { name in
        guard let layer = PathwayLayer(rawValue: String(name)) else { throw PathwayError.notALayer(found: String(name)) }
        return layer
      }
    } ?? PathwayLayer.allCases
    var weights = PathwayWeights(try targetWeights())
    for (index, path) in auxiliary.enumerated() {
      let checkpoint = try Checkpoint(contentsOf: URL(fileURLWithPath: path))
      weights = try weights.attach(
        auxiliary: AuxiliaryWeights(checkpoint: checkpoint, heads: auxiliaryHeads), layers: chosen,
        blockMap: BlockMap(parsing: blockMap), bias: bias ? .combined : .target, scale: scale, scales: tables[index])
    }
    for warning in weights.warnings { report("warning: \(warning)") }
    return weights
  }

  private func scaleTables() throws -> [[String: Float]] {
    guard let scales else { return auxiliary.map { _ in [:] } }
    let data = try Data(contentsOf: URL(fileURLWithPath: scales))
    let decoder = JSONDecoder()
    let tables: [[String: Float]]
    if let one = try? decoder.decode([String: Float].self, from: data) {
      tables = [one]
    } else if let several = try? decoder.decode([[String: Float]].self, from: data) {
      tables = several
    } else {
      throw ToolError("\(scales): expected {\"blocks.0.attn.qkv\": 0.05, ...} or an array of such objects")
    }
    guard tables.count == auxiliary.count else {
      throw ToolError("\(scales): \(tables.count) tables of scales for \(auxiliary.count) auxiliaries")
    }
    return tables
  }
}

/// A failure that is told as it is.
struct ToolError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// A line on standard error: progress, warnings.
func report(_ line: String) {
  FileHandle.standardError.write(Data((line + "\n").utf8))
}

/// Prints a value as JSON with sorted keys.
func printJSON(_ value: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
  print(String(decoding: try encoder.encode(value), as: UTF8.self))
}
