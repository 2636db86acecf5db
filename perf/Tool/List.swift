import ArgumentParser
import PathwayCases

struct List: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Names of all cases, as tests, suite and comparisons use them.")

  func run() { PathwayCase.all.forEach { print($0.name) } }
}
