import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Commands that are stopped, killed, or write to one place at the same time.
@Suite(.serialized) struct LeftoverTests {
  private func hidden(_ folder: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasPrefix(".") }.sorted()
  }

  private func temporaryName(_ ending: String = "partial") -> String { ".m2pt-\(UUID().uuidString).\(ending)" }

  @Test func theNextWriterRemovesLeftoversOfKilledOnes() throws {
    try Tool.withModels { folder in
      func place(_ name: String) -> URL { folder.appendingPathComponent(name) }
      let (file, directory, alive) = (temporaryName(), temporaryName(), temporaryName())
      try Data("half".utf8).write(to: place(file))
      try FileManager.default.createDirectory(at: place(directory), withIntermediateDirectories: false)
      try Data("half".utf8).write(to: place(directory).appendingPathComponent("config.json"))
      // The file of a process that is still writing is locked.
      try Data("half".utf8).write(to: place(alive))
      let lock = open(place(alive).path, O_WRONLY)
      defer { close(lock) }
      try #require(flock(lock, LOCK_EX | LOCK_NB) == 0)
      // Names of the user, a pipe, a link to a file elsewhere.
      let own = [".m2pt-notes.partial", ".m2pt-\(UUID().uuidString).partial.txt", ".other.partial"]
      for name in own { try Data("mine".utf8).write(to: place(name)) }
      let (pipe, link) = (temporaryName(), temporaryName())
      try #require(mkfifo(place(pipe).path, 0o600) == 0)
      try FileManager.default.createSymbolicLink(
        atPath: place(link).path, withDestinationPath: place("auxiliary.safetensors").path)

      let target = place("target").path
      let merge = [
        "merge", "--target", target, "--auxiliary", place("auxiliary.safetensors").path, "--output",
        place("merged.safetensors").path,
      ]
      let run = try Tool.run(merge)
      #expect(run.status == 0, "\(run.errors)")
      #expect(try hidden(folder) == (own + [alive, link]).sorted())
      #expect(FileManager.default.fileExists(atPath: place("auxiliary.safetensors").path))

      try FileManager.default.createDirectory(at: place(directory), withIntermediateDirectories: false)
      let convert = try Tool.run(["convert", target, place("converted").path])
      #expect(convert.status == 0, "\(convert.errors)")
      #expect(try hidden(folder) == (own + [alive, link]).sorted())
    }
  }

  /// If directories cannot be exchanged, the old one is moved aside, and the process may be killed then.
  @Test func aModelThatWasMovedAsideComesBack() throws {
    try Tool.withModels { folder in
      let (target, output) = (folder.appendingPathComponent("target"), folder.appendingPathComponent("model"))
      let aside = folder.appendingPathComponent(".m2pt-model.old")
      try FileManager.default.copyItem(at: target, to: aside)
      let refused = try Tool.run(["convert", target.path, output.path])
      #expect(refused.status == 1, "the old model came back: \(refused.errors)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: output.path).count == 2)
      #expect(try hidden(folder).isEmpty)
      // If a new one exists, the old one is removed.
      try FileManager.default.copyItem(at: target, to: aside)
      let replaced = try Tool.run(["convert", target.path, output.path, "--overwrite"])
      #expect(replaced.status == 0, "\(replaced.errors)")
      #expect(try hidden(folder).isEmpty)
    }
  }

  /// A signal at any time leaves the old result or the new one, and nothing else; after SIGKILL the next run removes
  /// the rest.
  @Test(arguments: [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGKILL])
  func aSignalLeavesOneResult(_ number: Int32) throws {
    try Tool.withModels { folder in
      signal(number, SIG_DFL)
      let output = folder.appendingPathComponent("results")
      try FileManager.default.createDirectory(at: output, withIntermediateDirectories: false)
      let (target, auxiliary) = (folder.appendingPathComponent("target").path, folder.path + "/auxiliary.safetensors")
      let (merged, model) = (output.appendingPathComponent("m.safetensors"), output.appendingPathComponent("model"))
      let commands = [
        ["merge", "--target", target, "--auxiliary", auxiliary, "--scale", "0.5", "--output", merged.path],
        ["convert", target, model.path, "--overwrite"],
      ]
      for command in commands {
        // The first run is not stopped, to measure its length.
        let start = ContinuousClock.now
        #expect(try Tool.run(command).status == 0)
        let duration = ContinuousClock.now - start
        let file = command[0] == "merge" ? merged : model.appendingPathComponent("model.safetensors")
        let whole = try Data(contentsOf: file)
        var stopped = 0
        for step in 0..<24 {
          let process = Process()
          process.executableURL = Tool.url
          process.arguments = command
          (process.standardOutput, process.standardError) = (Pipe(), Pipe())
          try process.run()
          usleep(UInt32(duration / .microseconds(1) * Double(step) / 20))
          kill(process.processIdentifier, number)
          process.waitUntilExit()
          stopped += process.terminationReason == .uncaughtSignal ? 1 : 0
          let left = try Data(contentsOf: file)
          #expect(left == whole)
          if number != SIGKILL { #expect(try hidden(output).isEmpty) }
        }
        #expect(stopped > 0)
        #expect(try Tool.run(command).status == 0)
        #expect(try hidden(output).isEmpty)
      }
    }
  }

  @Test func twoCommandsLeaveOneOfTheirResults() throws {
    try Tool.withModels { folder in
      let output = folder.appendingPathComponent("results")
      try FileManager.default.createDirectory(at: output, withIntermediateDirectories: false)
      let (target, auxiliary) = (folder.appendingPathComponent("target").path, folder.path + "/auxiliary.safetensors")
      func merge(_ scale: String, _ name: String) -> [String] {
        ["merge", "--target", target, "--auxiliary", auxiliary, "--scale", scale, "--output", "\(output.path)/\(name)"]
      }
      func convert(_ type: String, _ name: String) -> [String] {
        ["convert", target, "\(output.path)/\(name)", "--dtype", type, "--overwrite"]
      }
      for (command, choices, result) in [
        (merge, ["1", "2"], ""), (convert, ["float32", "float16"], "/model.safetensors"),
      ] as [((String, String) -> [String], [String], String)] {
        let wanted = try choices.map { choice in
          try #require(try Tool.run(command(choice, choice)).status == 0)
          return try Data(contentsOf: URL(fileURLWithPath: "\(output.path)/\(choice)\(result)"))
        }
        for round in 0..<8 {
          let processes = try (0..<4).map { index in
            let process = Process()
            process.executableURL = Tool.url
            process.arguments = command(choices[index % 2], "one-\(round / 4)")
            (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
            try process.run()
            return process
          }
          for process in processes {
            process.waitUntilExit()
            #expect(process.terminationReason == .exit && process.terminationStatus == 0)
          }
          let found = try Data(contentsOf: URL(fileURLWithPath: "\(output.path)/one-\(round / 4)\(result)"))
          #expect(wanted.contains(found))
          #expect(try hidden(output).isEmpty)
        }
        for name in try FileManager.default.contentsOfDirectory(atPath: output.path) {
          try FileManager.default.removeItem(atPath: "\(output.path)/\(name)")
        }
      }
    }
  }
}
