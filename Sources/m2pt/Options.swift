import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayData

/// Threads, for every command that computes.
struct EngineOptions: ParsableArguments {
  @Option(help: "Threads (default: OMP_NUM_THREADS, else what affinity and control groups leave the process).")
  var threads: Int?

  func engine() throws -> Engine { try Engine(threads: threads) }
}

extension Engine {
  /// Notes on standard error that products of a format cost time here.
  func noteEmulation(of precision: Precision) {
    guard instructionSet.emulates(precision) else { return }
    report("note: \(instructionSet) has no products of \(precision.rawValue) and emulates them, slower than float32's")
  }
}

/// Number formats, for every command that runs a model.
struct PrecisionOptions: ParsableArguments {
  @Option(help: "Number format of the blocks' weights and activations: float32, bfloat16 or int8 (default: float32).")
  var precision: Precision?
  @Option(
    name: .customLong("precision-plan"),
    help:
      "JSON file of every layer's format: {\"standard\": \"int8\", \"overrides\": {\"blocks.0.mlp.fc2\": \"bfloat16\"}}; `m2pt calibrate` writes it."
  )
  var file: String?

  func validate() throws {
    if precision != nil, file != nil { throw ValidationError("Give either --precision or --precision-plan.") }
  }

  var isUsual: Bool { precision == nil && file == nil }
  /// As reports have it.
  var name: String { file == nil ? (precision ?? .float32).rawValue : "plan" }

  var inputs: [URL] { file.map { [URL(fileURLWithPath: $0)] } ?? [] }

  /// The plan, with a note for a format in it that the engine's instruction set emulates.
  func plan(on engine: Engine) throws -> PrecisionPlan {
    let plan = try file.map { try .read(URL(fileURLWithPath: $0)) } ?? PrecisionPlan(precision ?? .float32)
    plan.formats.forEach(engine.noteEmulation(of:))
    return plan
  }
}

/// A target, its auxiliaries and how they are joined.
struct PathwayOptions: ParsableArguments {
  @Option(help: "Target model: a directory with config.json, or a safetensors or PyTorch file with --architecture.")
  var target: String
  @Option(
    help:
      "timm's name of the target where it has no config.json, best with the weights' tag, as in vit_base_patch16_224.mae."
  )
  var architecture: String?
  @OptionGroup var chosen: WeightsOption
  @Option(parsing: .singleValue, help: "Auxiliary checkpoint, safetensors or PyTorch; repeat it for several.")
  var auxiliary: [String] = []
  @Option(
    name: .customLong("auxiliary-weights"), parsing: .singleValue,
    help: "As --weights, of the auxiliaries. One key for all or one each; an empty one for the usual choice.")
  var auxiliaryKeys: [String] = []
  @Option(parsing: .unconditional, help: "Scale of every joined layer that --scales does not name.")
  var scale: Float = 0
  @Option(help: "JSON file of scales: {\"blocks.0.attn.qkv\": 0.05}, or an array with one object per auxiliary.")
  var scales: String?
  @Option(
    name: .customLong("block-map"), parsing: .singleValue,
    help: "Target:auxiliary blocks, 0:0,3:1; or identity (default), reversed. One for all auxiliaries or one each.")
  var blockMaps: [String] = []
  @Option(help: "Joined layers, comma-separated: attn.qkv,attn.proj,mlp.fc1,mlp.fc2.") var layers: String?
  @Option(name: .customLong("auxiliary-heads"), help: "Heads of the auxiliaries, to warn where they differ.")
  var auxiliaryHeads: Int?
  @Flag(help: "Fold the auxiliaries' biases too.") var bias = false
  @OptionGroup var imageSize: ImageSizeOption
  @OptionGroup var recipe: RecipeOptions

  func validate() throws {
    guard blockMaps.count < 2 || blockMaps.count == auxiliary.count else {
      throw ValidationError("Give one --block-map for all auxiliaries, or one for each, in their order.")
    }
    guard auxiliaryKeys.count < 2 || auxiliaryKeys.count == auxiliary.count else {
      throw ValidationError("Give one --auxiliary-weights for all auxiliaries, or one for each, in their order.")
    }
  }

  /// - Throws: `ValidationError` where there is nothing to join.
  func requireAuxiliary() throws {
    if auxiliary.isEmpty { throw ValidationError("Name at least one --auxiliary.") }
  }

  private func targetWeights(needsNoWeights: Bool) throws -> ModelWeights {
    try recipe.weights(
      modelAt: target, architecture: architecture, chosen, imageSize, needsNoWeights: needsNoWeights)
  }

  private func auxiliaryWeights(_ index: Int) throws -> AuxiliaryWeights {
    let key = auxiliaryKeys.count > 1 ? auxiliaryKeys[index] : auxiliaryKeys.first
    let path = auxiliary[index]
    let weights = try WeightsOption.naming("--auxiliary-weights") {
      try AuxiliaryWeights(
        modelAt: URL(fileURLWithPath: path), heads: auxiliaryHeads, weights: key == "" ? nil : key)
    }
    for note in weights.notes { report("note: \(note.hasPrefix(path) ? "" : path + ": ")\(note)") }
    return weights
  }

  /// - Parameter needsNoTargetWeights: whether the target may be a directory with `config.json` alone; its weights are
  ///   then 0.
  func joined(needsNoTargetWeights: Bool = false) throws -> PathwayWeights {
    let tables = try scaleTables()
    let chosenLayers: [PathwayLayer] =
      try layers.map { text in
        try text.split(separator: ",").map { name in
          guard let layer = PathwayLayer(rawValue: String(name)) else {
            throw PathwayError.notALayer(found: String(name), nearest: nil)
          }
          return layer
        }
      } ?? PathwayLayer.allCases
    var weights = PathwayWeights(try targetWeights(needsNoWeights: needsNoTargetWeights))
    for index in auxiliary.indices {
      let map = blockMaps.count > 1 ? blockMaps[index] : blockMaps.first ?? "identity"
      weights = try weights.attach(
        auxiliary: auxiliaryWeights(index), layers: chosenLayers,
        blockMap: BlockMap(parsing: map), bias: bias ? .combined : .target, scale: scale, scales: tables[index])
    }
    for warning in weights.warnings { report("warning: \(warning)") }
    return weights
  }

  /// All files that `joined` may read.
  func inputs(_ weights: PathwayWeights) -> [URL] {
    let others = auxiliary + (scales.map { [$0] } ?? [])
    return weights.target.inputs(at: target)
      + others.flatMap { [URL(fileURLWithPath: $0)] + ModelLocation(URL(fileURLWithPath: $0)).configurationFiles }
      + weights.pathways.flatMap(\.auxiliary.files)
  }

  private func scaleTables() throws -> [[String: Float]] {
    guard let scales else { return auxiliary.map { _ in [:] } }
    return try PathwayScales.read(URL(fileURLWithPath: scales), count: auxiliary.count)
  }
}

/// A size of pictures other than the model's own.
struct ImageSizeOption: ParsableArguments {
  @Option(
    name: .customLong("image-size"),
    help: "Pictures of this size, 384 or 384x256 (height first): position embeddings are resampled as timm does.")
  var text: String?
  @Flag(name: .customLong("no-antialias"), help: "Resample as DINOv2's own code does, without antialiasing.")
  var omitsAntialias = false

  func validate() throws {
    if let text, Extent(parsing: text) == nil {
      throw ValidationError("--image-size takes a number, or HEIGHTxWIDTH.")
    }
  }

  var extent: Extent? { text.flatMap(Extent.init(parsing:)) }
}

/// A failure that is told as it is.
struct ToolError: Error, CustomStringConvertible {
  /// One line, whatever names it is about.
  let description: String

  init(_ description: String) { self.description = description.onOneLine() }
}

/// Writes a warning or a note as one line on standard error, with text from files escaped. A failure is ignored: no
/// other stream could report it.
func report(_ line: String) { StandardStreams.write(line.onOneLine() + "\n", to: STDERR_FILENO) }

/// Writes what a file's reader notes on standard error.
let reportNote: NoteHandler = { report("\($0)") }

/// Prints a value as JSON with sorted keys.
///
/// - Throws: `ToolError` where a number is not finite, or standard output takes nothing more.
func printJSON(_ value: some Encodable, keys: JSONEncoder.KeyEncodingStrategy = .useDefaultKeys) throws {
  try StandardOutput.write(try jsonText(value, keys: keys) + "\n")
}

/// A value as JSON with sorted keys.
///
/// - Throws: `ToolError` with the key of a number that is not finite: JSON has none.
func jsonText(_ value: some Encodable, keys: JSONEncoder.KeyEncodingStrategy = .useDefaultKeys) throws -> String {
  let encoder = JSONEncoder()
  encoder.keyEncodingStrategy = keys
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  do {
    return String(decoding: try encoder.encode(value), as: UTF8.self).withJSONEscapes
  } catch EncodingError.invalidValue(let found, let context) {
    let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
    throw ToolError("the answer's \(path.drop { $0 == "." }) is \(found), which is no finite number and so not in JSON")
  }
}

extension String {
  /// A JSON text with `\u` escapes of what a terminal would act on; JSONEncoder escapes the characters below U+0020
  /// alone.
  fileprivate var withJSONEscapes: String {
    // Such characters occur in strings alone, apart from the layout's newlines.
    guard unicodeScalars.contains(where: { $0 != "\n" && $0.isUnfitForALine }) else { return self }
    var text = ""
    for scalar in unicodeScalars {
      guard scalar != "\n", scalar.isUnfitForALine else {
        text.unicodeScalars.append(scalar)
        continue
      }
      for unit in UTF16.encode(scalar) ?? .init() { text += "\\u" + String(format: "%04x", unit) }
    }
    return text
  }
}

extension Precision: ExpressibleByArgument {}
