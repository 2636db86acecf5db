import ArgumentParser
import Foundation
import MultimodalPathway

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List a checkpoint's tensors, and say what loading it as a model and as an auxiliary would do.",
    discussion: """
      The layout, the prefix, what is renamed, joined, dropped and computed, and the configuration are those of \
      loading; where loading would refuse the file, the reason is printed. Without --architecture or a config.json the \
      architecture is guessed from the tensors' shapes. Exit code 1: the file or the configuration is not well formed; \
      standard error has one line that says why.
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
      throw ToolError(error.toolText)
    }
  }

  private func inspect() throws {
    let url = URL(fileURLWithPath: path)
    let checkpoint = try chosen.naming { try Checkpoint(contentsOf: url, weights: $0) }
    var inspection = Inspection(checkpoint)
    do {
      let reading = try LayoutReading(checkpoint.tensors)
      inspection.asModel = .init(reading, checkpoint)
      try reading.requireTarget()
      do {
        let binding = try ModelBinding(
          reading: reading, modelAt: url, of: checkpoint, architecture: architecture)
        inspection.compare(binding, isGuess: false)
        if binding.problems.isEmpty {
          try ModelWeights(binding: binding, of: checkpoint).requireFinite(engine: Engine())
        }
      } catch let error as ConfigurationError where !isStated(url, checkpoint) {
        inspection.asModel?.refuse(error)
        if let guess = ArchitectureGuess.binding(of: reading) {
          inspection.compare(guess, isGuess: true)
        }
      }
    } catch let error as NotFiniteError {
      inspection.asModel?.refuse(error)
    } catch let error as ConfigurationError {
      // A model of another kind, speech or text, is no malformed file.
      guard case .unsupported = error else { throw error }
      inspection.cannotCompare(error)
    } catch let error as CheckpointLayoutError {
      inspection.cannotCompare(error)
    }
    do {
      inspection.asAuxiliary = .init(try AuxiliaryWeights(modelAt: url, weights: chosen.key))
    } catch {
      inspection.asAuxiliary = .init(refused: error)
    }
    if json { return try printJSON(inspection) }
    try StandardOutput.show(inspection.lines)
  }

  /// Whether something says the configuration, be it right or wrong.
  private func isStated(_ url: URL, _ checkpoint: Checkpoint) -> Bool {
    let location = ModelLocation(url)
    return architecture != nil || FileManager.default.fileExists(atPath: location.configurationFile.path)
      || !location.isDirectory && checkpoint.metadata[ModelWeights.configurationKey] != nil
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
  /// What loading it as a model would do.
  var asModel: AsModel?
  var asAuxiliary: AsAuxiliary?

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

  /// Notes what separates the tensors, under timm's names, from a configuration's: loading goes the same way.
  mutating func compare(_ binding: ModelBinding, isGuess: Bool) {
    let problems = binding.problems
    architecture = binding.configuration.architecture
    architectureIsGuess = isGuess
    fits = problems.isEmpty
    missing = problems.missing.map { Missing(name: $0.name, nearest: $0.nearest) }
    unexpected = problems.unexpected
    mismatched = problems.mismatched.map { Mismatched(name: $0.name, expected: $0.expected, found: $0.found) }
    notNumbers = problems.notNumbers.map { "\($0.name) is \($0.found.rawValue)" }
    asModel?.add(binding)
  }

  /// Notes why loading as a model would stop before shapes are compared.
  mutating func cannotCompare(_ error: any Error) {
    notCompared = error.toolText
    asModel = asModel ?? AsModel()
    asModel?.refuse(error)
  }

  /// The report for people; names are printed without control characters.
  var lines: [String] {
    var lines = tensors.map { "\($0.dtype)  \($0.name.onOneLine())  \($0.shape)" }
    for total in totals where totals.count > 1 { lines.append("\(total.dtype): " + Self.text(total)) }
    lines.append(Self.text(Total(dtype: "", tensors: tensors.count, parameters: parameters, bytes: bytes)))
    lines += metadata.sorted { $0.key < $1.key }.map { "metadata \($0.key.onOneLine()): \($0.value.onOneLine())" }
    lines += asModel?.lines ?? []
    if let asAuxiliary { lines.append(asAuxiliary.line) }
    if let notCompared { lines.append("as a model: refused: \(notCompared.onOneLine())") }
    if notCompared == nil, let refused = asModel?.refused, fits != false {
      lines.append("as a model: refused: \(refused.onOneLine())")
    }
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
    if fits, let configuration = asModel?.configuration { lines.append("runs as: \(configuration.line)") }
    lines.append("\(fits ? "fits" : "does not fit") \(architecture.onOneLine())\(guess)")
    return lines
  }

  private static func text(_ total: Total) -> String {
    "\(total.tensors) tensors, \(total.parameters) parameters, \(total.bytes) bytes"
  }
}
