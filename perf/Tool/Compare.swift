import ArgumentParser
import Foundation
import PathwayCases

struct Compare: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Time two case servers alternately: exit 0 equal, 2 the second is slower, 4 it is faster.")

  @Argument(help: "Case server of the first build.") var first: String
  @Argument(help: "Case server of the second.") var second: String
  @Option(
    name: .customLong("case"), parsing: .singleValue,
    help: "A case; repeat it for several (default: models of one photo).")
  var cases: [String] = []
  @Option(help: "Threads of each.") var threads = 2
  @Option(help: "Pairs of turns.") var rounds = 20
  @Option(help: "Per cent that a median has to differ by to count.") var effect = 2.0
  @Option(help: "A file for all pairs.") var json: String?

  private static let defaults = [
    "classify one photo, ViT-B/16", "classify one photo, ViT-Ti/16", "one photo, folded pathway, ViT-B/16",
  ]

  struct Result: Encodable {
    let name: String
    let firstMs: Double
    let secondMs: Double
    /// Second over first: above 1, the second is slower.
    let ratio: PairedRatios
    let verdict: PairedRatios.Verdict
    let pairsMs: [[Double]]
  }

  func validate() throws {
    guard rounds >= 8, rounds <= 1000, (1...1024).contains(threads), effect >= 0 else {
      throw ValidationError("--rounds takes 8...1000, --threads 1...1024, --effect 0 or more.")
    }
  }

  func run() throws {
    let known = (try names(first), try names(second))
    var results: [Result] = []
    let chosen = cases.isEmpty ? Self.defaults : cases
    print(padded("case", 40) + "   first    second   ratio  (its confidence interval)")
    for name in chosen {
      guard known.0.contains(name), known.1.contains(name) else {
        if cases.isEmpty { continue }
        throw Failure("'\(name)' is not a case of both builds; PerfTool list names this revision's")
      }
      // One error in a hundred over all cases.
      let result = try compare(name, confidence: 1 - 0.01 / Double(chosen.count))
      results.append(result)
      print(
        padded(name, 40)
          + String(
            format: "%8.2f  %8.2f   %.3f  (%.3f...%.3f)  ", result.firstMs, result.secondMs, result.ratio.median,
            result.ratio.low, result.ratio.high) + result.verdict.rawValue)
    }
    if results.contains(where: { $0.verdict == .undecided }) {
      print("undecided: the interval is wider than the effect; more --rounds, or a quieter machine")
    }
    if let json { try encoded(results).write(to: URL(fileURLWithPath: json)) }
    throw Outcome(
      worse: results.contains { $0.verdict == .slower }, better: results.contains { $0.verdict == .faster }
    ).exit
  }

  private func compare(_ name: String, confidence: Double) throws -> Result {
    let servers = try [first, second].map { try CaseProcess($0, case: name, threads: threads) }
    defer { servers.forEach { $0.end() } }
    let pairs = try CaseProcess.pairs(servers, rounds: rounds)
    let ratio = PairedRatios(pairs.map { $0[1] / $0[0] }, confidence: confidence)
    func median(_ index: Int) -> Double { PairedRatios(pairs.map { $0[index] }, confidence: 0).median }
    return Result(
      name: name, firstMs: median(0), secondMs: median(1), ratio: ratio, verdict: ratio.verdict(effect: effect / 100),
      pairsMs: pairs)
  }

  private func names(_ server: String) throws -> Set<String> {
    let text = try output(of: server, ["list"])
    return Set(text.split(separator: "\n").map(String.init))
  }
}
