import Foundation
import PathwayCases

/// Two cases of one build whose ratio somebody promises something about.
struct CasePair {
  /// Of the file that it is saved in.
  let name: String
  let title: String
  let first: (case: String, threads: Int)
  let second: (case: String, threads: Int)
  /// Of second over first, in words.
  let target: String

  static let all = [
    CasePair(
      name: "merged-plain", title: "merged pathway over plain, batch 1", first: ("classify one photo, ViT-B/16", 2),
      second: ("one photo, merged pathway, ViT-B/16", 2), target: "0.99...1.01"),
    CasePair(
      name: "folded-merged", title: "folded pathway over merged, batch 8",
      first: ("eight photos, merged pathway, ViT-B/16", 2), second: ("eight photos, folded pathway, ViT-B/16", 2),
      target: "at most 1.03"),
    CasePair(
      name: "threads", title: "one thread over two, batch 1", first: ("classify one photo, ViT-B/16", 2),
      second: ("classify one photo, ViT-B/16", 1), target: "at least 1.9"),
  ]

  /// What was measured of it, as the baselines keep it.
  struct Measurement: Codable {
    let title: String
    let target: String
    let processor: String
    let date: String
    let rounds: Int
    let firstMs: Double
    let secondMs: Double
    /// Second over first: the median of all pairs, and its 99 % confidence interval.
    let ratio: Double
    let low: Double
    let high: Double
    let pairsMs: [[Double]]
  }

  /// Times both alternately.
  func measure(_ server: String, rounds: Int, on processor: Processor) throws -> Measurement {
    let servers = try [first, second].map { try CaseProcess(server, case: $0.case, threads: $0.threads) }
    defer { servers.forEach { $0.end() } }
    let pairs = try CaseProcess.pairs(servers, rounds: rounds)
    func median(_ index: Int) -> Double { PairedRatios(pairs.map { $0[index] }, confidence: 0).median }
    let ratio = PairedRatios(pairs.map { $0[1] / $0[0] }, confidence: 0.99)
    return Measurement(
      title: title, target: target, processor: processor.name,
      date: String(ISO8601DateFormatter().string(from: Date()).prefix(10)), rounds: rounds, firstMs: median(0),
      secondMs: median(1), ratio: ratio.median, low: ratio.low, high: ratio.high, pairsMs: pairs)
  }
}

/// This machine's processor, under the names that peers/compare.py gives it.
struct Processor {
  let name: String
  /// Tells models apart that share a name.
  let folder: String

  /// - Throws: `Failure` where there is no /proc/cpuinfo that names it.
  init() throws {
    let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
    var fields: [String: String] = [:]
    for line in (text ?? "").split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
      if parts.count == 2, fields[parts[0]] == nil { fields[parts[0]] = parts[1] }
    }
    guard let name = fields["model name"], let family = fields["cpu family"], let model = fields["model"] else {
      throw Failure("/proc/cpuinfo does not name this processor")
    }
    let words = name.lowercased().split { !$0.isASCII || !($0.isLetter || $0.isNumber) }
    self.name = name
    folder = "\(words.joined(separator: "-"))-family\(family)-model\(model)"
  }
}
