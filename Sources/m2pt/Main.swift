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
      Demo.self, Classify.self, Segment.self, Features.self, Probe.self, Train.self, Evaluate.self,
      AttentionOverlay.self,
      Inspect.self, Convert.self, Merge.self, Verify.self, Calibrate.self, Bench.self,
    ])

  static func main() {
    StandardStreams.reserve()
    Interruption.removeTemporaries()
    do {
      try requireUTF8Arguments()
      try SystemMemory.require(0, for: .start)
      var command = try parseAsRoot()
      try command.run()
      try StandardOutput.close()
    } catch {
      end(error.namingOptions)
    }
  }

  /// Other bytes would be replaced, and so name other files.
  private static func requireUTF8Arguments() throws {
    for index in 1..<max(1, Int(CommandLine.argc)) {
      guard let bytes = CommandLine.unsafeArgv[index], String(validatingCString: bytes) == nil else { continue }
      throw ValidationError("Argument \(index), '\(String(cString: bytes))', is not UTF-8; rename the file.")
    }
  }

  /// Ends the process with the error's text and code; what the text says about arguments and files is escaped. Help is
  /// an error too, whose text is an answer.
  private static func end(_ error: any Error) -> Never {
    let text = fullMessage(for: error)
    let code = exitCode(for: error)
    guard code.isSuccess else {
      for line in text.split(separator: "\n") { report(String(line)) }
      Foundation.exit(code.rawValue)
    }
    do {
      if !text.isEmpty { try StandardOutput.write(text + "\n") }
      try StandardOutput.close()
    } catch {
      report("Error: \(error)")
      Foundation.exit(1)
    }
    Foundation.exit(code.rawValue)
  }
}
