import ArgumentParser
import Foundation
import MultimodalPathway

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List a checkpoint's tensors, and what separates it from an architecture.")

  @Argument(help: "A safetensors file, its index, or a model directory.") var path: String
  @Option(help: "timm's name to compare with; a directory's config.json is used by itself.") var architecture: String?
  @Flag(help: "JSON on standard output.") var json = false

  private struct Report: Encodable {
    struct Entry: Encodable {
      var name: String
      var dtype: String
      var shape: [Int]
    }
    var tensors: [Entry]
    var parameters: Int
    var bytes: Int
    var metadata: [String: String]
    var architecture: String?
    var missing: [String]?
    var unexpected: [String]?
    var mismatched: [String]?
  }

  func run() throws {
    let url = URL(fileURLWithPath: path)
    let checkpoint = try Checkpoint(contentsOf: url)
    let tensors = checkpoint.tensors.sorted { $0.key < $1.key }
    var report = Report(
      tensors: tensors.map { .init(name: $0.key, dtype: $0.value.elementType.rawValue, shape: $0.value.shape) },
      parameters: tensors.reduce(0) { $0 + $1.value.count }, bytes: tensors.reduce(0) { $0 + $1.value.byteCount },
      metadata: checkpoint.metadata)
    let config = url.appendingPathComponent("config.json")
    let hasConfig = FileManager.default.fileExists(atPath: config.path)
    if architecture != nil || hasConfig {
      let configuration = try architecture.map(VisionTransformerConfiguration.preset) ?? .read(config)
      let problems = try ModelWeights.problems(of: checkpoint, configuration: configuration)
      report.architecture = configuration.architecture
      report.missing = problems.missing.map(\.name)
      report.unexpected = problems.unexpected
      report.mismatched = problems.mismatched.map { "\($0.name): \($0.found), expected \($0.expected)" }
    }
    if json { return try printJSON(report) }
    for entry in report.tensors { print("\(entry.dtype)  \(entry.name)  \(entry.shape)") }
    print("\(report.tensors.count) tensors, \(report.parameters) parameters, \(report.bytes) bytes")
    for (key, value) in report.metadata.sorted(by: { $0.key < $1.key }) { print("metadata \(key): \(value)") }
    if let name = report.architecture {
      let problems = [("missing", report.missing), ("unexpected", report.unexpected), ("other shape", report.mismatched)]
      for case (let title, let names?) in problems where !names.isEmpty { print("\(title): \(names.joined(separator: ", "))") }
      print(problems.allSatisfy { $0.1?.isEmpty ?? true } ? "fits \(name)" : "does not fit \(name)")
    }
  }
}
