import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Merged weights, bit by bit, and the metadata of merged files.
@Suite struct MergingTests {
  private struct Golden {
    let file: Checkpoint
    let target: ModelWeights
    let scales: [[String: Float]]

    init() throws {
      file = try Checkpoint(contentsOf: Fixture.url("model/pathway.safetensors"))
      target = try ModelWeights(
        checkpoint: GoldenTests.part(file, "target."), configuration: GoldenTests.configuration(file))
      scales = try JSONDecoder().decode([[String: Float]].self, from: Data(file.metadata["scales"]!.utf8))
    }

    func auxiliary(_ index: Int) throws -> AuxiliaryWeights {
      try AuxiliaryWeights(checkpoint: GoldenTests.part(file, "auxiliary.\(index)."))
    }
  }

  /// A folder for one test, removed afterwards.
  private func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  @Test(arguments: InstructionSet.available)
  func mergedTensorsHaveTheGoldensBits(_ set: InstructionSet) throws {
    let golden = try Golden()
    let engine = try Engine(threads: 2, instructionSet: set)
    let first = try golden.auxiliary(0)
    let two = try golden.target.attach(auxiliary: first, scales: golden.scales[0])
      .attach(auxiliary: golden.auxiliary(1), scales: golden.scales[1])
    let combined = try golden.target.attach(auxiliary: first, bias: .combined, scales: golden.scales[0])
    for (name, weights) in [("two", two), ("combined", combined)] {
      let merged = try weights.merged(engine: engine)
      let expected = GoldenTests.part(golden.file, "merged.\(name).").tensors
      #expect(expected.count >= 4)
      for (tensor, values) in expected {
        let found = try merged.tensors[tensor]!.float32().map(\.bitPattern)
        #expect(try found == values.float32().map(\.bitPattern), "\(name) \(tensor)")
      }
    }
  }

  @Test func metadataSaysWhereAMergeComesFrom() throws {
    try withFolder { folder in
      let golden = try Golden()
      let files = ["target", "auxiliary.0", "auxiliary.1"].map { folder.appendingPathComponent($0 + ".safetensors") }
      for (name, file) in zip(["target.", "auxiliary.0.", "auxiliary.1."], files) {
        try GoldenTests.part(golden.file, name).write(to: file)
      }
      let target = try ModelWeights(
        checkpoint: Checkpoint(contentsOf: files[0]), configuration: golden.target.configuration)
      let joined =
        try target
        .attach(
          auxiliary: AuxiliaryWeights(modelAt: files[1]), layers: [.qkv, .fc2], blockMap: .explicit([0: 1]),
          scales: ["attn.qkv": 0.5, "blocks.0.mlp.fc2": 0.1]
        )
        .attach(auxiliary: AuxiliaryWeights(modelAt: files[2]), blockMap: .reversed, bias: .combined, scale: -0.25)
      let output = folder.appendingPathComponent("merged.safetensors")
      let engine = try Engine(threads: 1)
      try joined.writeMerged(to: output, engine: engine)

      let merged = try Checkpoint(contentsOf: output)
      let notes = merged.metadata
      #expect(notes["format"] == "pt")
      #expect(notes["m2pt.version"] == multimodalPathwayVersion)
      #expect(notes["m2pt.block_maps"] == "0:1;0:1,1:0")
      #expect(notes["m2pt.layers"] == "attn.qkv,mlp.fc2;attn.qkv,attn.proj,mlp.fc1,mlp.fc2")
      #expect(notes["m2pt.biases"] == "target;combined")
      #expect(notes["m2pt.dtype"] == "F32" && notes["m2pt.target_dtype"] == "F32")
      for (role, file) in zip(["target", "auxiliary.0", "auxiliary.1"], files) {
        let digest = try FileDigest.sha256(of: file)
        #expect(notes["m2pt.source.\(role)"] == "\(file.lastPathComponent) sha256:\(digest)")
      }
      let scales = try PathwayScales.read(json: Data(notes["m2pt.scales"]!.utf8), file: "metadata", count: 2)
      #expect(scales == joined.pathways.map(\.scales))
      #expect(scales[0] == ["blocks.0.attn.qkv": 0.5, "blocks.0.mlp.fc2": 0.1])
      let stated = try VisionTransformerConfiguration.read(
        json: Data(notes[ModelWeights.configurationKey]!.utf8), file: "metadata")
      #expect(stated == golden.target.configuration)

      // A merge of a merge is allowed, gives a note, and keeps the provenance of the first.
      #expect(joined.warnings.allSatisfy { !$0.contains("result of a merge") })
      let again = try ModelWeights(modelAt: output).attach(auxiliary: AuxiliaryWeights(modelAt: files[1]), scale: 1)
      #expect(again.warnings.contains { $0.contains("result of a merge") })
      let second = folder.appendingPathComponent("second.safetensors")
      try again.writeMerged(to: second, engine: engine)
      let previous = try #require(try Checkpoint(contentsOf: second).metadata["m2pt.previous"])
      #expect(previous.contains("attn.qkv,mlp.fc2") && !previous.contains("m2pt.config"))
    }
  }

  @Test func inputsAreNeverOverwritten() throws {
    try withFolder { folder in
      let golden = try Golden()
      let file = folder.appendingPathComponent("auxiliary.safetensors")
      try GoldenTests.part(golden.file, "auxiliary.0.").write(to: file)
      let before = try Data(contentsOf: file)
      let joined = try golden.target.attach(auxiliary: AuxiliaryWeights(modelAt: file), scale: 1)
      let link = folder.appendingPathComponent("link.safetensors")
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: file)
      let hard = folder.appendingPathComponent("hard.safetensors")
      try FileManager.default.linkItem(at: file, to: hard)
      let roundabout = folder.appendingPathComponent("../\(folder.lastPathComponent)/auxiliary.safetensors")
      let engine = try Engine(threads: 1)
      for output in [file, link, hard, roundabout] {
        #expect(throws: PathwayError.overwritesInput(file: output.path)) {
          try joined.writeMerged(to: output, engine: engine)
        }
      }
      let after = try Data(contentsOf: file)
      #expect(after == before)
    }
  }

  @Test func narrowFilesAreRoundedOnce() throws {
    try withFolder { folder in
      let golden = try Golden()
      let joined = try golden.target.attach(auxiliary: golden.auxiliary(0), scales: golden.scales[0])
      let engine = try Engine(threads: 1)
      let exact = try joined.merged(engine: engine)
      for type in [ElementType.float32, .bfloat16, .float16] {
        let output = folder.appendingPathComponent("\(type.rawValue).safetensors")
        try joined.writeMerged(to: output, as: type, engine: engine)
        let file = try Checkpoint(contentsOf: output)
        #expect(file.metadata["m2pt.dtype"] == type.rawValue)
        for (name, tensor) in file.tensors {
          #expect(tensor.elementType == type)
          let values = try exact.tensors[name]!.float32()
          let found = try tensor.float32()
          let good = zip(found, values).allSatisfy { Self.isNearest($0, to: $1, type) }
          #expect(good, "\(type) \(name)")
        }
        #expect(try ModelWeights(modelAt: output).storedType == type)
      }
      #expect(throws: PathwayError.notAFloatType(.float64)) {
        try joined.writeMerged(to: folder.appendingPathComponent("x"), as: .float64, engine: engine)
      }
      let huge = try golden.target.attach(auxiliary: golden.auxiliary(0), scale: 1e30)
      #expect(throws: PathwayError.self) {
        try huge.writeMerged(to: folder.appendingPathComponent("x"), as: .float16, engine: engine)
      }
      #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("x").path))
    }
  }

  /// Whether a number is `value` rounded to nearest, ties to even: rounding of the significand to 8 or 11 bits, by
  /// adding and subtracting a number that makes these the last bits.
  private static func isNearest(_ found: Float, to value: Float, _ type: ElementType) -> Bool {
    if type == .float32 { return found.bitPattern == value.bitPattern }
    let bits = type == .bfloat16 ? 8 : 11
    let least = type == .bfloat16 ? -126 : -14
    let exponent = max(least, value == 0 ? least : Int(value.exponent))
    let big = Double(sign: .plus, exponent: exponent - bits + 1 + 52, significand: 1.5)
    return Double(found) == (Double(value) + big) - big && found.sign == value.sign
  }
}
