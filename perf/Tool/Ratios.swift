import ArgumentParser
import Foundation

struct Ratios: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Time pairs of cases of one build alternately: pathways against plain models, two threads against one.")

  @Argument(help: "The build's case server.") var server: String
  @Argument(help: "Pairs: \(CasePair.all.map(\.name).joined(separator: ", ")) (default: all).") var names: [String] = []
  @Option(help: "Pairs of turns.") var rounds = 20
  @Option(help: "A folder of baselines to write into.") var save: String?

  func validate() throws {
    guard (8...1000).contains(rounds) else { throw ValidationError("--rounds takes 8...1000.") }
    for name in names where !CasePair.all.contains(where: { $0.name == name }) {
      throw ValidationError("No pair '\(name)'; there are \(CasePair.all.map(\.name).joined(separator: ", ")).")
    }
  }

  func run() throws {
    let processor = try Processor()
    for pair in CasePair.all where names.isEmpty || names.contains(pair.name) {
      let found = try pair.measure(server, rounds: rounds, on: processor)
      print(
        padded(found.title, 40)
          + String(
            format: "%.3f  (%.3f...%.3f)  %.1f over %.1f ms, target %@", found.ratio, found.low, found.high,
            found.secondMs, found.firstMs, found.target))
      guard let save else { continue }
      let folder = URL(fileURLWithPath: save).appendingPathComponent(processor.folder)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try encoded(found).write(to: folder.appendingPathComponent("ratio-\(pair.name).json"), options: .atomic)
    }
  }
}
