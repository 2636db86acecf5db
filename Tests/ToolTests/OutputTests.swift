import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// The outputs of commands never replace an input or anything that is not a file, and replace other files only with
/// --overwrite.
@Suite struct OutputTests {
  /// A command that writes a file.
  private struct Writer {
    let name: String
    /// All arguments except the option of the output.
    let arguments: [String]
    var option = "--output"
    /// Files that it reads.
    let inputs: [URL]
    /// Whether a second run replaces the output of the first.
    var replacesItsOwn = true
  }

  /// Every command that writes a file, on random models in `folder`.
  private func withWriters(_ body: (_ folder: URL, [Writer]) throws -> Void) throws {
    try Tool.withModels { folder in
      func file(_ name: String) -> URL { folder.appendingPathComponent(name) }
      let weights = file("target/model.safetensors")
      let config = file("target/config.json")
      let picture = file("cat.jpg")
      try FileManager.default.copyItem(at: Fixture.url("images/cat.jpg"), to: picture)
      let plan = file("float32.json")
      try PrecisionPlan(.float32).write(to: plan)
      let scales = file("scales.json")
      try Data(#"{"blocks.0.attn.qkv": 0.5}"#.utf8).write(to: scales)
      let model = ["--model", file("target").path, "--precision-plan", plan.path]
      let auxiliary = file("auxiliary.safetensors")
      let pathway = ["--target", file("target").path, "--auxiliary", auxiliary.path, "--scales", scales.path]
      let ofModel = [weights, config, plan, picture]
      let ofPathway = [weights, config, auxiliary, scales]
      let cloud = file("cloud.xyz")
      try Data((0..<2048).map { "\($0 % 7) \($0 % 11) \($0 % 13)\n" }.joined().utf8).write(to: cloud)
      let parts = file("parts")
      try PointToolTests.makeModel("segmenter", in: parts)
      let ofParts = [
        parts.appendingPathComponent("model.safetensors"), parts.appendingPathComponent("config.json"), cloud,
      ]
      let segment = ["segment", "--model", parts.path, cloud.path]
      try body(
        folder,
        [
          Writer(name: "f.safetensors", arguments: ["features"] + model + [picture.path], inputs: ofModel),
          Writer(name: "a.png", arguments: ["attention"] + model + [picture.path], inputs: ofModel),
          Writer(
            name: "plan.json", arguments: ["calibrate", "--model", file("target").path, picture.path],
            inputs: [weights, config, picture], replacesItsOwn: false),
          Writer(name: "m.safetensors", arguments: ["merge"] + pathway, inputs: ofPathway),
          Writer(
            name: "v.html", arguments: ["verify", "--random-tokens", "3"] + pathway, option: "--html", inputs: ofPathway
          ),
          Writer(
            name: "b.html", arguments: ["bench", "--runs", "1"] + model, option: "--html",
            inputs: [weights, config, plan]),
          Writer(name: "s.ply", arguments: segment, inputs: ofParts),
          Writer(name: "s.png", arguments: segment, inputs: ofParts),
        ])
    }
  }

  private func names(in folder: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  @Test func inputsAreNeverReplaced() throws {
    try withWriters { folder, writers in
      let before = try names(in: folder)
      let link = folder.appendingPathComponent("link.png")
      for writer in writers {
        for input in writer.inputs {
          let content = try Data(contentsOf: input)
          for kind in ["itself", "symbolic link", "hard link"] {
            // A picture of points needs a name that ends in .png or .ply.
            if kind == "itself", writer.arguments[0] == "segment" { continue }
            if kind == "symbolic link" {
              try FileManager.default.createSymbolicLink(at: link, withDestinationURL: input)
            }
            if kind == "hard link" { try FileManager.default.linkItem(at: input, to: link) }
            let output = kind == "itself" ? input : link
            for more in [[], ["--overwrite"]] as [[String]] {
              let run = try Tool.run(writer.arguments + [writer.option, output.path] + more)
              #expect(
                run.status == 1 && run.errors.contains("input"),
                "\(writer.arguments[0]) over \(input.lastPathComponent), \(kind), \(more): \(run.errors)")
            }
            let after = try Data(contentsOf: input)
            #expect(after == content, "\(writer.arguments[0]) over \(input.lastPathComponent), \(kind)")
            if kind != "itself" { try FileManager.default.removeItem(at: link) }
          }
        }
      }
      #expect(try names(in: folder) == before)
    }
  }

  @Test func otherFilesAreReplacedOnlyWithOverwrite() throws {
    try withWriters { folder, writers in
      for writer in writers {
        let output = folder.appendingPathComponent(writer.name)
        let command = writer.arguments + [writer.option, output.path]
        try Data("precious".utf8).write(to: output)
        let refused = try Tool.run(command)
        #expect(refused.status == 1 && refused.errors.contains("--overwrite"), "\(command): \(refused.errors)")
        #expect(try String(contentsOf: output, encoding: .utf8) == "precious")
        let replaced = try Tool.run(command + ["--overwrite"])
        #expect(replaced.status == 0, "\(command): \(replaced.errors)")
        let result = try Data(contentsOf: output)
        #expect(result != Data("precious".utf8))
        let again = try Tool.run(command)
        #expect(again.status == (writer.replacesItsOwn ? 0 : 1), "\(command): \(again.errors)")
        // An empty file holds nothing.
        try Data().write(to: output)
        let filled = try Tool.run(command)
        #expect(filled.status == 0, "\(command): \(filled.errors)")
      }
      // Pictures, safetensors and pages of other programs.
      let others: [(String, URL)] = [
        ("a.png", Fixture.url("images/astronaut.png")), ("s.png", Fixture.url("images/astronaut.png")),
        ("f.safetensors", folder.appendingPathComponent("auxiliary.safetensors")),
        ("m.safetensors", folder.appendingPathComponent("auxiliary.safetensors")),
        ("m.safetensors", folder.appendingPathComponent("f.safetensors")),
        ("f.safetensors", folder.appendingPathComponent("m.safetensors")),
      ]
      for (name, other) in others {
        let output = folder.appendingPathComponent("other-" + name)
        try FileManager.default.copyItem(at: other, to: output)
        let writer = try #require(writers.first { $0.name == name })
        let run = try Tool.run(writer.arguments + [writer.option, output.path])
        #expect(run.status == 1 && run.errors.contains("--overwrite"), "\(name) over \(other.lastPathComponent)")
        #expect(try Data(contentsOf: output) == Data(contentsOf: other))
        try FileManager.default.removeItem(at: output)
      }
    }
  }

  @Test func whatIsNotAFileIsKept() throws {
    try withWriters { folder, writers in
      for writer in writers {
        let ending = URL(fileURLWithPath: writer.name).pathExtension
        let pipe = folder.appendingPathComponent("pipe." + ending)
        let device = folder.appendingPathComponent("device." + ending)
        let directory = folder.appendingPathComponent("directory." + ending)
        try #require(mkfifo(pipe.path, 0o600) == 0)
        try FileManager.default.createSymbolicLink(atPath: device.path, withDestinationPath: "/dev/null")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
        let before = try names(in: folder)
        for place in [pipe, device, directory] {
          let run = try Tool.run(writer.arguments + [writer.option, place.path, "--overwrite"])
          #expect(run.status == 1 && run.errors.contains("not a regular file"), "\(writer.arguments): \(run.errors)")
        }
        for name in ["", folder.path + "/", folder.path + "/new/"] where writer.arguments[0] != "segment" {
          let run = try Tool.run(writer.arguments + [writer.option, name, "--overwrite"])
          #expect(
            run.status == 1 && run.errors.contains("names no file"), "\(writer.arguments), '\(name)': \(run.errors)")
        }
        let missing = folder.appendingPathComponent("no/folder/" + writer.name)
        let run = try Tool.run(writer.arguments + [writer.option, missing.path])
        #expect(run.status == 1 && run.errors.contains("not a directory that can be written"), "\(run.errors)")
        #expect(try names(in: folder) == before)
        for place in [pipe, device, directory] { try FileManager.default.removeItem(at: place) }
      }
    }
  }

  /// The file would get another name.
  @Test func namesThatAreNotUTF8AreRefused() throws {
    try withWriters { folder, writers in
      let before = try names(in: folder)
      for writer in writers {
        let shell = ["/bin/sh", "-c", "exec \"$0\" \"$@\" \(writer.option) \(folder.path)/\"$(printf 'a\\377.png')\""]
        let run = try Tool.run(writer.arguments, prefix: shell)
        #expect(run.status == 64 && run.errors.contains("is not UTF-8"), "\(writer.arguments): \(run.errors)")
      }
      #expect(try names(in: folder) == before)
    }
  }

  /// Every command that answers on standard output fails if its answer cannot be written.
  @Test func aFullDiskIsAnError() throws {
    try withWriters { folder, writers in
      let model = folder.appendingPathComponent("target").path
      let picture = folder.appendingPathComponent("cat.jpg").path
      var commands: [[String]] = [
        ["--version"], ["--help"], ["classify", "--help"], ["inspect", model], ["inspect", model, "--json"],
        ["classify", "--model", model, picture], ["classify", "--model", model, "--json", picture],
        ["classify", "--model", model, "--csv", picture], ["convert", model, folder.path + "/converted"],
        ["bench", "--runs", "1", "--model", model, "--json"], ["attention", "--model", model, "--json", picture],
        ["demo"], ["demo", "--json"],
        ["segment", "--model", folder.path + "/parts", "--csv", folder.path + "/cloud.xyz"],
      ]
      commands += writers.map { $0.arguments + [$0.option, folder.appendingPathComponent($0.name).path] }
      for command in commands {
        for redirection in [">/dev/full", ">&-"] {
          let shell = ["/bin/sh", "-c", "exec \"$0\" \"$@\" \(redirection)"]
          let run = try Tool.run(command + (command.contains("calibrate") ? ["--overwrite"] : []), prefix: shell)
          #expect(run.status == 1, "\(command) \(redirection): \(run.errors)")
          #expect(run.errors.contains("standard output cannot be written"), "\(command) \(redirection): \(run.errors)")
          try? FileManager.default.removeItem(atPath: folder.path + "/converted")
        }
      }
      // If messages cannot be written, answers still are, and the exit code is the same.
      for redirection in ["2>/dev/full", "2>&-"] {
        let shell = ["/bin/sh", "-c", "exec \"$0\" \"$@\" \(redirection)"]
        let good = try Tool.run(["classify", "--model", model, "--csv", picture], prefix: shell)
        #expect(good.status == 0 && good.output.contains("cat.jpg"))
        let bad = try Tool.run(["classify", "--model", model, "no.jpg"], prefix: shell)
        #expect(bad.status == 1)
      }
    }
  }
}
