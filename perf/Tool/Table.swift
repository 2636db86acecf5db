import ArgumentParser
import Foundation

struct Table: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Put the numbers of peers/compare.py --save between the markers of a README.")

  private static let start = "<!-- measured: perf/table writes what follows -->"
  private static let end = "<!-- end of measured -->"

  @Argument(help: "The README.") var readme: String
  @Argument(help: "Folder of baselines.") var baselines: String
  @Flag(help: "Change nothing; fail where the table is out of date.") var check = false

  /// What peers/compare.py writes, as far as it is shown.
  struct Comparison: Decodable {
    let `case`: String
    let batch: Int
    let threads: Int
    let pathway: String
    let precision: String
    let rounds: Int
    let isa: String
    let processor: String
    let date: String
    let peers: [String: Peer]

    struct Peer: Decodable {
      let version: String
      let ratio: Quartiles
      let pairsMs: [[Double]]
    }

    struct Quartiles: Decodable {
      let median: Double
      let low: Double
      let high: Double
    }

    /// What orders the rows of a table.
    var order: String {
      let format = ["float32": 0, "bfloat16": 1, "int8": 2][precision] ?? 3
      return String(format: "%d %@ %06d %d %@", format, `case`, batch, pathway == "plain" ? 0 : 1, pathway)
    }

    /// - Parameter threads: what goes without saying.
    func name(threads usual: Int) -> String {
      "\(`case`), batch \(batch)\(pathway == "plain" ? "" : ", \(pathway) pathway"), \(precision)"
        + (threads == usual ? "" : ", \(threads) threads")
    }

    /// The median of our times in the runs against all peers.
    var milliseconds: Double {
      let times = peers.values.flatMap { $0.pairsMs.compactMap(\.first) }.sorted()
      return times.isEmpty ? .nan : times[times.count / 2]
    }
  }

  func run() throws {
    let text = try String(contentsOfFile: readme, encoding: .utf8)
    guard let from = text.range(of: Self.start), let to = text.range(of: Self.end), from.upperBound <= to.lowerBound
    else {
      throw Failure("\(readme): has no '\(Self.start)' before '\(Self.end)'")
    }
    let tables = try machines().map { try table(of: $0) }.filter { !$0.isEmpty }
    let body = tables.isEmpty ? "Nothing is measured yet.\n" : tables.joined(separator: "\n")
    let wanted = text[..<from.upperBound] + "\n" + body + text[to.lowerBound...]
    if wanted == text { return print("\(readme): its table is the baselines'") }
    guard !check else { throw Failure("\(readme): its table is out of date; run perf/table") }
    try Data(wanted.utf8).write(to: URL(fileURLWithPath: readme), options: .atomic)
    print("wrote \(readme)")
  }

  private func machines() throws -> [URL] {
    try FileManager.default.contentsOfDirectory(
      at: URL(fileURLWithPath: baselines), includingPropertiesForKeys: [.isDirectoryKey]
    ).filter { try $0.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true }
      .sorted { $0.path < $1.path }
  }

  private func table(of machine: URL) throws -> String {
    let files = try FileManager.default.contentsOfDirectory(at: machine, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == "json" }
    // Profiles and other files of the folder name no peers.
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    func those<Value: Decodable>(with key: String, _: Value.Type) throws -> [Value] {
      try files.map { try Data(contentsOf: $0) }
        .filter { (try JSONSerialization.jsonObject(with: $0) as? [String: Any])?[key] != nil }
        .map { try decoder.decode(Value.self, from: $0) }
    }
    let all = try those(with: "peers", Comparison.self).sorted { $0.order < $1.order }
    let ratios = ratioTable(try those(with: "target", CasePair.Measurement.self).sorted { $0.title < $1.title })
    guard let first = all.first else { return ratios }
    var versions: [String: String] = [:]
    for comparison in all { versions.merge(comparison.peers.mapValues(\.version)) { $1 } }
    let peers = ["torch", "onnxruntime", "openvino", "nncf"].filter { versions[$0] != nil }
    let titles = ["torch": "PyTorch", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "nncf": "OpenVINO, NNCF"]
    let dates = Set(all.map(\.date)).sorted()
    var lines = [
      "\(first.processor), \(first.threads) threads, \(first.isa), \(dates.joined(separator: ", ")). Times as long as ours, in the "
        + "median of interleaved pairs (half of the pairs lie between the numbers in brackets):", "",
      "| model | ours, ms | "
        + peers.map { "\(titles[$0] ?? $0) \(versions[$0] ?? "")" }.joined(separator: " | ") + " |",
      "| --- | --- |" + String(repeating: " --- |", count: peers.count),
    ]
    for comparison in all {
      let cells = peers.map { peer -> String in
        guard let ratio = comparison.peers[peer]?.ratio else { return "" }
        return String(format: "%.2f (%.2f...%.2f)", ratio.median, ratio.low, ratio.high)
      }
      lines.append(
        "| \(comparison.name(threads: first.threads)) | \(String(format: "%.1f", comparison.milliseconds)) | \(cells.joined(separator: " | ")) |"
      )
    }
    return lines.joined(separator: "\n") + "\n" + (ratios.isEmpty ? "" : "\n") + ratios
  }

  private func ratioTable(_ all: [CasePair.Measurement]) -> String {
    guard let first = all.first else { return "" }
    var lines = [
      "\(first.processor), ViT-B/16, float32, \(Set(all.map(\.date)).sorted().joined(separator: ", ")): medians of interleaved pairs "
        + "(their 99 % confidence intervals):", "",
      "| ratio of times | measured | target | ms |", "| --- | --- | --- | --- |",
    ]
    for row in all {
      lines.append(
        "| \(row.title) | "
          + String(format: "%.3f (%.3f...%.3f)", row.ratio, row.low, row.high)
          + " | \(row.target) | " + String(format: "%.1f, %.1f", row.secondMs, row.firstMs) + " |")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
