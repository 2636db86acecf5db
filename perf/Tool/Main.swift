import ArgumentParser
import Foundation

/// The commands that the scripts of the parent folder run.
@main
struct PerfTool: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compare builds, check counters, make the README's table.",
    subcommands: [List.self, Compare.self, Ratios.self, Callers.self, Counters.self, Instructions.self, Table.self])
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

/// This compiler's version line.
func toolchain() throws -> String {
  let text = try output(of: "/usr/bin/env", ["swift", "--version"])
  guard let line = text.split(separator: "\n").first(where: { $0.contains("Swift version") }) else {
    throw Failure("swift --version names no version")
  }
  return String(line)
}

func padded(_ text: String, _ width: Int) -> String {
  text.padding(toLength: max(width, text.count), withPad: " ", startingAt: 0)
}

func encoded(_ value: some Encodable) throws -> Data {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  encoder.keyEncodingStrategy = .convertToSnakeCase
  encoder.nonConformingFloatEncodingStrategy = .convertToString(
    positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
  return try encoder.encode(value) + Data("\n".utf8)
}

/// - Throws: `Failure` where the program does not end well.
func output(of program: String, _ arguments: [String], environment: [String: String] = [:]) throws -> String {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: program)
  process.arguments = arguments
  process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
  let pipe = Pipe()
  process.standardOutput = pipe
  try process.run()
  let text = try pipe.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  guard process.terminationStatus == 0 else { throw Failure("\(program) \(arguments.joined(separator: " ")) failed") }
  return String(decoding: text, as: UTF8.self)
}
