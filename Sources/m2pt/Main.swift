import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayKernels

@main
struct M2PT: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "m2pt", abstract: "Vision-style transformers with multimodal pathways, on CPUs.",
    version: multimodalPathwayVersion,
    subcommands: [
      Demo.self, Classify.self, Segment.self, Features.self, Probe.self, AttentionOverlay.self, Inspect.self,
      Convert.self, Merge.self, Verify.self, Calibrate.self, Bench.self,
    ])

  static func main() {
    do {
      try SystemMemory.require(0, for: .start)
      var command = try parseAsRoot()
      try command.run()
    } catch {
      end(error)
    }
  }

  /// Ends the process as ArgumentParser does; what an error says about arguments and files is escaped.
  private static func end(_ error: any Error) -> Never {
    let code = exitCode(for: error)
    guard !code.isSuccess else { exit(withError: error) }
    for line in fullMessage(for: error).split(separator: "\n", omittingEmptySubsequences: false) where !line.isEmpty {
      report(String(line))
    }
    Foundation.exit(code.rawValue)
  }
}
