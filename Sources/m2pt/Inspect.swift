import ArgumentParser
import Foundation
import MultimodalPathway

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List a checkpoint's tensors, and what separates it from an architecture.",
    discussion: """
      Without --architecture or a config.json the architecture is guessed from the tensors' shapes. \
      Exit code 1: the file or the configuration is not well formed; standard error has one line that says why.
      """)

  @Argument(help: "A safetensors or PyTorch file, an index, or a model directory.") var path: String
  @Option(help: "timm's name to compare with; a directory's config.json is used by itself.") var architecture: String?
  @OptionGroup var chosen: WeightsOption
  @Flag(help: "JSON on standard output.") var json = false

  func run() throws {
    do {
      try inspect()
    } catch {
      // What is wrong may have been said by the file itself, in as many lines as it liked.
      throw ToolError("\(error)".onOneLine())
    }
  }

  private func inspect() throws {
    let url = URL(fileURLWithPath: path)
    let checkpoint = try chosen.naming { try Checkpoint(contentsOf: url, weights: $0) }
    for note in checkpoint.notes { report("note: \(note)".onOneLine()) }
    var inspection = Inspection(checkpoint)
    do {
      if let configuration = try stated(url, checkpoint) {
        try inspection.compare(checkpoint, with: configuration, isGuess: false)
      } else if let guess = ArchitectureGuess.configuration(of: checkpoint) {
        try inspection.compare(checkpoint, with: guess, isGuess: true)
      }
    } catch let error as ConfigurationError {
      // A model of another kind, speech or text, is no malformed file.
      guard case .unsupported = error else { throw error }
      inspection.notCompared = "\(error)"
    } catch let error as CheckpointLayoutError {
      inspection.notCompared = "\(error)"
    }
    if json { return try printJSON(inspection) }
    for line in inspection.lines { print(line) }
  }

  /// The configuration that a model loaded from there would have; nil where nothing says it.
  private func stated(_ url: URL, _ checkpoint: Checkpoint) throws -> VisionTransformerConfiguration? {
    let config = url.appendingPathComponent("config.json")
    let saysItself = checkpoint.files == [url] && checkpoint.metadata[ModelWeights.configurationKey] != nil
    guard architecture != nil || saysItself || FileManager.default.fileExists(atPath: config.path) else { return nil }
    return try ModelWeights.configuration(at: url, of: checkpoint, architecture: architecture)
  }
}

/// What `inspect` found: its JSON, and its lines for people.
struct Inspection: Encodable {
  struct Entry: Encodable {
    var name: String
    var dtype: String
    var shape: [Int]
  }
  struct Total: Encodable {
    var dtype: String
    var tensors = 0
    var parameters = 0
    var bytes = 0
  }
  struct Missing: Encodable {
    var name: String
    /// The unexpected name most like it.
    var nearest: String?
  }
  struct Mismatched: Encodable {
    var name: String
    var expected: [Int]
    var found: [Int]
  }

  var tensors: [Entry]
  var totals: [Total]
  var parameters: Int
  var bytes: Int
  var metadata: [String: String]
  var architecture: String?
  /// Whether `architecture` was guessed from the shapes.
  var architectureIsGuess: Bool?
  var fits: Bool?
  var missing: [Missing]?
  var unexpected: [String]?
  var mismatched: [Mismatched]?
  /// Tensors of whole numbers or truth values where real numbers are expected.
  var notNumbers: [String]?
  /// Why the tensors could not be compared with the configuration.
  var notCompared: String?

  init(_ checkpoint: Checkpoint) {
    tensors = checkpoint.tensors.sorted { $0.key < $1.key }.map {
      Entry(name: $0.key, dtype: $0.value.elementType.rawValue, shape: $0.value.shape)
    }
    var totals: [String: Total] = [:]
    for tensor in checkpoint.tensors.values {
      let dtype = tensor.elementType.rawValue
      var total = totals[dtype] ?? Total(dtype: dtype)
      total.tensors += 1
      total.parameters += tensor.count
      total.bytes += tensor.byteCount
      totals[dtype] = total
    }
    self.totals = totals.values.sorted { $0.dtype < $1.dtype }
    parameters = self.totals.reduce(0) { $0 + $1.parameters }
    bytes = self.totals.reduce(0) { $0 + $1.bytes }
    metadata = checkpoint.metadata
  }

  /// Notes what separates the tensors, under timm's names, from a configuration's.
  mutating func compare(
    _ checkpoint: Checkpoint, with configuration: VisionTransformerConfiguration, isGuess: Bool
  ) throws {
    var configuration = configuration
    if configuration.qkvBias == .full, checkpoint.tensors["blocks.0.attn.q_bias"] != nil {
      // As when a model is loaded: timm's configurations do not say it.
      configuration.qkvBias = .queryAndValue
    }
    let problems = try ModelWeights.problems(of: checkpoint, configuration: configuration)
    architecture = configuration.architecture
    architectureIsGuess = isGuess
    fits = problems.isEmpty
    missing = problems.missing.map { Missing(name: $0.name, nearest: $0.nearest) }
    unexpected = problems.unexpected
    mismatched = problems.mismatched.map { Mismatched(name: $0.name, expected: $0.expected, found: $0.found) }
    notNumbers = problems.notNumbers.map { "\($0.name) is \($0.found.rawValue)" }
  }

  /// The report for people; names are printed without control characters.
  var lines: [String] {
    var lines = tensors.map { "\($0.dtype)  \($0.name.onOneLine())  \($0.shape)" }
    for total in totals where totals.count > 1 { lines.append("\(total.dtype): " + Self.text(total)) }
    lines.append(Self.text(Total(dtype: "", tensors: tensors.count, parameters: parameters, bytes: bytes)))
    lines += metadata.sorted { $0.key < $1.key }.map { "metadata \($0.key.onOneLine()): \($0.value.onOneLine())" }
    if let notCompared { lines.append("not compared: \(notCompared.onOneLine())") }
    guard let architecture, let fits else { return lines }
    func list(_ title: String, _ names: [String]?) {
      if let names, !names.isEmpty { lines.append("\(title): \(names.joined(separator: ", "))") }
    }
    list(
      "missing",
      missing?.map { missing in missing.name + (missing.nearest.map { " (nearest: \($0.onOneLine()))" } ?? "") })
    list("unexpected", unexpected?.map { $0.onOneLine() })
    list("other shape", mismatched?.map { "\($0.name): \($0.found), expected \($0.expected)" })
    list("not of real numbers", notNumbers)
    let guess = architectureIsGuess == true ? " (a guess from the shapes)" : ""
    lines.append("\(fits ? "fits" : "does not fit") \(architecture.onOneLine())\(guess)")
    return lines
  }

  private static func text(_ total: Total) -> String {
    "\(total.tensors) tensors, \(total.parameters) parameters, \(total.bytes) bytes"
  }
}

/// The architecture whose shapes a checkpoint has.
enum ArchitectureGuess {
  /// A configuration with exactly these tensors, head and pooling as the file has them; nil where no name of timm's
  /// has one.
  ///
  /// Several names can share their shapes (ViT and DeiT): the shortest that begins with `vit_` is taken.
  static func configuration(of checkpoint: Checkpoint) -> VisionTransformerConfiguration? {
    let names = VisionTransformerConfiguration.architectures.sorted {
      ($0.hasPrefix("vit_") ? 0 : 1, $0.count, $0) < ($1.hasPrefix("vit_") ? 0 : 1, $1.count, $1)
    }
    return names.lazy.compactMap { name in
      guard var configuration = try? VisionTransformerConfiguration.preset(name) else { return nil }
      configuration.classCount = checkpoint.tensors["head.weight"]?.shape.first ?? 0
      if checkpoint.tensors["fc_norm.weight"] != nil {
        configuration.pooling = .mean
        configuration.normalizesAfterPooling = true
      }
      if checkpoint.tensors["blocks.0.attn.q_bias"] != nil { configuration.qkvBias = .queryAndValue }
      let expected = ModelWeights.expectedShapes(configuration)
      guard expected.count == checkpoint.tensors.count else { return nil }
      return expected.allSatisfy { checkpoint.tensors[$0.name]?.shape == $0.shape } ? configuration : nil
    }.first
  }
}
