import ArgumentParser
import Foundation

/// What the scripts beside this folder are made of.
@main
struct PerfTool: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compare builds, check counters, make the README's table.",
    subcommands: [List.self, Compare.self, Counters.self, Instructions.self, Table.self])
}

/// How a comparison ends.
enum Outcome: Int32 {
  case equal = 0
  case regression = 2
  case improvement = 4

  /// One worse part is a regression, whatever the others.
  init(worse: Bool, better: Bool) { self = worse ? .regression : better ? .improvement : .equal }

  var exit: ExitCode { ExitCode(rawValue) }
}

struct Failure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

func padded(_ text: String, _ width: Int) -> String {
  text.padding(toLength: max(width, text.count), withPad: " ", startingAt: 0)
}

func encoded(_ value: some Encodable) throws -> Data {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  return try encoder.encode(value) + Data("\n".utf8)
}
