import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Models reached through symbolic links, next to configurations of other models.
@Suite struct ModelPathTests {
  private let picture = Fixture.url("images/cat.jpg").path

  /// The target of `Tool.withModels` at store/target, and links to it in a directory with the config.json of another
  /// model: `link`, and `chain`, a link to that link.
  private func withLinks(_ body: (_ folder: URL, _ real: URL, _ links: [URL]) throws -> Void) throws {
    try Tool.withModels { folder in
      let real = folder.appendingPathComponent("target")
      let parent = folder.appendingPathComponent("parent")
      try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
      try Data(#"{"architecture": "vit_tiny_patch16_224", "num_classes": 7}"#.utf8).write(
        to: parent.appendingPathComponent("config.json"))
      let links = ["link", "chain"].map { parent.appendingPathComponent($0) }
      try FileManager.default.createSymbolicLink(at: links[0], withDestinationURL: real)
      try FileManager.default.createSymbolicLink(atPath: links[1].path, withDestinationPath: "link")
      try body(folder, real, links)
    }
  }

  private func output(_ arguments: [String]) throws -> String {
    let run = try Tool.run(arguments)
    #expect(run.status == 0, "\(arguments): \(run.errors)")
    return run.output
  }

  @Test func aLinkToADirectoryIsThatDirectory() throws {
    try withLinks { folder, real, links in
      for name in links.flatMap({ [$0.path, $0.path + "/"] }) {
        for command in [["classify", "--json"], ["attention", "--json"], ["calibrate", "--json"]] {
          func answer(_ model: String) throws -> String { try output(command + ["--model", model, picture]) }
          #expect(try answer(name) == answer(real.path), "\(command[0]) \(name)")
        }
        func features(_ model: String) throws -> [Float]? {
          let file = folder.appendingPathComponent("features.safetensors")
          _ = try output(["features", "--model", model, picture, "--output", file.path])
          return try Checkpoint(contentsOf: file).tensors["features"]?.float32()
        }
        #expect(try features(name) == features(real.path))
        #expect(try output(["inspect", name]).contains("fits vit_test"))
        let out = folder.appendingPathComponent("out")
        _ = try output(["convert", name, out.path, "--overwrite"])
        #expect(
          try VisionTransformerConfiguration.read(out.appendingPathComponent("config.json"))
            == .read(real.appendingPathComponent("config.json")))
      }
    }
  }

  /// The `config.json` of an auxiliary gives its heads, and so whether they differ from those of the target.
  @Test func auxiliariesAndTargetsBehindLinks() throws {
    try withLinks { folder, real, links in
      for name in links.map(\.path) {
        func verdict(_ target: String, _ auxiliary: String) throws -> String {
          try output(
            ["verify", "--target", target, "--auxiliary", auxiliary, "--scale", "0.1", "--input", picture, "--json"])
        }
        #expect(try verdict(name, name) == verdict(real.path, real.path))
        let merged = folder.appendingPathComponent("merged.safetensors")
        _ = try output(["merge", "--target", name, "--auxiliary", name, "--scale", "0.1", "--output", merged.path])
        #expect(try ModelWeights(modelAt: merged).configuration.classCount == 3)
      }
    }
  }

  /// The configuration of a file is next to its link, as in the cache of a hub, whose snapshots are directories of
  /// links to blobs.
  @Test func theConfigurationIsNextToALink() throws {
    try withLinks { folder, real, links in
      let snapshot = folder.appendingPathComponent("snapshots/abc")
      let blobs = folder.appendingPathComponent("blobs")
      for directory in [snapshot, blobs] {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      }
      for (index, name) in ["config.json", "model.safetensors"].enumerated() {
        try FileManager.default.copyItem(
          at: real.appendingPathComponent(name), to: blobs.appendingPathComponent("\(index)"))
        try FileManager.default.createSymbolicLink(
          atPath: snapshot.appendingPathComponent(name).path, withDestinationPath: "../../blobs/\(index)")
      }
      let expected = try output(["classify", "--json", "--model", real.path, picture])
      #expect(try output(["classify", "--json", "--model", snapshot.path, picture]) == expected)
      let file = snapshot.appendingPathComponent("model.safetensors").path
      #expect(try output(["classify", "--json", "--model", file, picture]) == expected)
      // If the configuration next to the link is that of another model, it is used, and does not fit.
      let stray = folder.appendingPathComponent("parent/model.safetensors")
      try FileManager.default.createSymbolicLink(
        at: stray, withDestinationURL: real.appendingPathComponent("model.safetensors"))
      let run = try Tool.run(["classify", "--model", stray.path, picture])
      #expect(run.status == 1 && run.errors.contains("does not fit the configuration"), "\(run.errors)")
    }
  }

  @Test func danglingLinksAreNamed() throws {
    try Tool.withFolder { folder in
      let dangling = folder.appendingPathComponent("dangling").path
      let loop = folder.appendingPathComponent("loop").path
      try FileManager.default.createSymbolicLink(atPath: dangling, withDestinationPath: "nowhere")
      try FileManager.default.createSymbolicLink(atPath: loop, withDestinationPath: "loop")
      // A config.json next to the link is not used for the model.
      try Data(#"{"architecture": "vit_tiny_patch16_224"}"#.utf8).write(
        to: folder.appendingPathComponent("config.json"))
      for path in [dangling, loop] {
        for command in [
          ["classify", "--model", path, picture], ["inspect", path], ["convert", path, folder.path + "/out"],
          ["merge", "--target", path, "--auxiliary", path, "--output", folder.path + "/m.safetensors"],
        ] {
          let run = try Tool.run(command)
          #expect(run.status == 1 && run.errors.contains("\(path): "), "\(run.errors)")
          #expect(run.errors.contains("no such file"), "\(run.errors)")
        }
      }
    }
  }

  /// A model directory that is written through a link replaces the directory, not the link.
  @Test func outputsBehindLinks() throws {
    try withLinks { folder, real, links in
      let (place, link) = (folder.appendingPathComponent("place"), folder.appendingPathComponent("out"))
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: place)
      for more in [[], ["--overwrite"]] as [[String]] {
        _ = try output(["convert", real.path, link.path] + more)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link.path) == place.path)
        let files = try FileManager.default.contentsOfDirectory(atPath: place.path).sorted()
        #expect(files == ["config.json", "model.safetensors"])
      }
      // The model itself, under any of its names.
      for output in links + [real] {
        for input in [real, links[1], real.appendingPathComponent("model.safetensors")] {
          let run = try Tool.run(["convert", input.path, output.path, "--overwrite"])
          #expect(run.status == 1 && run.errors.contains("is the model itself"), "\(run.errors)")
        }
      }
      let probe = try Tool.run([
        "probe", "--model", real.path + "/model.safetensors", "--train", folder.path, "--output", links[0].path,
        "--overwrite",
      ])
      #expect(probe.status == 1 && probe.errors.contains("is the model itself"), "\(probe.errors)")
    }
  }
}
