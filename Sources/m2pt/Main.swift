import ArgumentParser
import Foundation
import MultimodalPathway

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
    StandardStreams.reserve()
    Interruption.removeTemporaries()
    do {
      var command = try parseAsRoot()
      try command.run()
      try StandardOutput.close()
    } catch {
      end(error)
    }
  }

  /// Ends the process with the error's text and code. Help is an error too, whose text is an answer.
  private static func end(_ error: any Error) -> Never {
    let text = fullMessage(for: error)
    let code = exitCode(for: error)
    guard code.isSuccess else {
      if !text.isEmpty { report(text) }
      Foundation.exit(code.rawValue)
    }
    do {
      if !text.isEmpty { try printLine(text) }
      try StandardOutput.close()
    } catch {
      report("Error: \(error)")
      Foundation.exit(1)
    }
    Foundation.exit(code.rawValue)
  }
}
