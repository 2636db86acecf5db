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
      AttentionOverlay.self, Inspect.self, Convert.self, Merge.self, Verify.self, Calibrate.self, Bench.self,
    ])

  static func main() {
    StandardStreams.reserve()
    Interruption.removeTemporaries()
    Foundation.exit(runCommand())
  }

  /// Runs the command that the arguments name, and returns the exit code.
  private static func runCommand() -> Int32 {
    do {
      try requireUTF8Arguments()
      try SystemMemory.require(0, for: .start)
      var command = try parseAsRoot()
      try command.run()
      try StandardOutput.close()
      return 0
    } catch {
      return reportEnd(error.namingOptions)
    }
  }

  /// Other bytes would be replaced, and so name other files.
  private static func requireUTF8Arguments() throws {
    for index in 1..<max(1, Int(CommandLine.argc)) {
      guard let bytes = CommandLine.unsafeArgv[index], String(validatingCString: bytes) == nil else { continue }
      throw ValidationError("Argument \(index), '\(String(cString: bytes))', is not UTF-8; rename the file.")
    }
  }

  /// Reports the error that a command ends with, and returns its exit code; what the text says about arguments and
  /// files is escaped. Help is an error too, whose text is an answer.
  private static func reportEnd(_ error: any Error) -> Int32 {
    let text = fullMessage(for: error)
    let code = exitCode(for: error)
    guard code.isSuccess else {
      for line in text.split(separator: "\n") { report(String(line)) }
      return code.rawValue
    }
    do {
      if !text.isEmpty { try StandardOutput.write(text + "\n") }
      try StandardOutput.close()
      return code.rawValue
    } catch {
      report("Error: \(error)")
      return 1
    }
  }
}
