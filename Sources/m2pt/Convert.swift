import ArgumentParser
import Foundation
import MultimodalPathway

struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a model of any layout as a directory with timm's names: config.json and model.safetensors.",
    discussion: """
      Reads safetensors and PyTorch files of timm, MAE, DINOv2, AudioMAE, VideoMAE, Point-MAE, M2PT and Hugging Face. \
      Nothing in a PyTorch file is executed. The written model answers with the same bits. What was renamed, joined, \
      dropped and computed is listed on standard error, or in full by --json.
      """)

  @Argument(help: "Model: a directory with config.json, or a safetensors or PyTorch file.") var input: String
  @Argument(help: "The model directory to write.") var output: String
  @Option(
    help: "timm's name where there is no config.json, best with the weights' tag, as in vit_base_patch16_224.mae.")
  var architecture: String?
  @OptionGroup var chosen: WeightsOption
  @Option(help: "Numbers of the written file: float32, float16, bfloat16, or target for the input's own format.")
  var dtype = Merge.MergedFormat.float32
  @OptionGroup var options: RecipeOptions
  @Flag(help: "Replace a model that is in the output directory.") var overwrite = false
  @Flag(help: "JSON on standard output.") var json = false

  func validate() throws {
    if output.hasSuffix(".safetensors") {
      throw ValidationError("'\(output)' names a file; convert writes a directory with config.json and the weights.")
    }
  }

  func run() throws {
    let source = URL(fileURLWithPath: input)
    let directory = ModelDirectory(url: URL(fileURLWithPath: output), overwrites: overwrite)
    try directory.check(source: ModelLocation(source).directory)
    let conversion = try chosen.naming { key in
      try ModelConversion(
        modelAt: source, architecture: architecture, weights: key, overriding: options.overrides)
    }
    let weights = conversion.weights
    for note in weights.notes { report("note: \(note)") }
    let type = dtype.elementType(weights)
    let recipe = try options.preprocessing(weights.configuration, modelAt: input, architecture: architecture)
    try directory.write(conversion.checkpoint(as: type), weights.configuration, recipe)
    let account = ConversionReport(conversion, output: output, type: type)
    if json { return try printJSON(account) }
    for line in account.lines { report(line) }
    try StandardOutput.show(["wrote \(output): \(weights.tensors.count) tensors, \(weights.parameterCount) parameters"])
  }
}

/// What became of a checkpoint's tensors: its JSON, and its lines for people, one for all blocks.
struct ConversionReport: Encodable {
  var output: String
  var layout: String?
  var dtype: String
  var tensors: Int
  var parameters: Int
  /// The checkpoint's name by the new one.
  var renamed: [String: String]
  var joined: [String: [String]]
  var dropped: [String]
  var computed: [String]

  init(_ conversion: ModelConversion, output: String, type: ElementType) {
    self.output = output
    layout = conversion.layout?.rawValue
    dtype = type.rawValue
    tensors = conversion.weights.tensors.count
    parameters = conversion.weights.parameterCount
    renamed = conversion.renamed
    joined = conversion.joined
    dropped = conversion.dropped
    computed = conversion.computed
  }

  var lines: [String] {
    Self.lines(renamed: renamed, joined: joined, dropped: dropped, computed: computed)
  }

  /// What became of tensors, one line for all blocks.
  static func lines(
    renamed: [String: String], joined: [String: [String]], dropped: [String], computed: [String]
  ) -> [String] {
    let lines =
      renamed.map { Self.line(from: $1, to: $0) } + joined.map { "joined   \($1.joined(separator: ", ")) -> \($0)" }
      + dropped.map { "dropped  \($0)" } + computed.map { "computed \($0)" }
    var counts: [String: Int] = [:]
    for line in lines { counts[Self.withoutNumbers(line.onOneLine()), default: 0] += 1 }
    return counts.sorted { $0.key < $1.key }.map { $1 == 1 ? $0 : "\($0)  (\($1) times)" }
  }

  /// One line for all names that only lose what stands before them.
  private static func line(from old: String, to new: String) -> String {
    guard old.hasSuffix("." + new) else { return "renamed  \(old) -> \(new)" }
    return "renamed  \(old.dropLast(new.count))* -> *"
  }

  /// A line with N in the place of numbers that are a whole part of a name.
  private static func withoutNumbers(_ line: String) -> String {
    line.split(separator: ".", omittingEmptySubsequences: false).map {
      $0.allSatisfy(\.isNumber) && !$0.isEmpty ? "N" : $0
    }
    .joined(separator: ".")
  }
}
