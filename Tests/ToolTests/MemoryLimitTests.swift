import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// Commands under limits of address space, from too small to start to sufficient: an error with the number of bytes, or
/// the answer without a limit.
@Suite(.serialized) struct MemoryLimitTests {
  /// Runs a command under `ulimit -v`; by default on one thread, since the stacks of threads count.
  private func run(_ arguments: [String], kilobytes: Int) throws -> (status: Int32, output: String, errors: String) {
    try Tool.run(
      arguments, environment: ["OMP_NUM_THREADS": "1", "SWIFT_BACKTRACE": "enable=no"], memoryLimit: kilobytes)
  }

  /// The smallest limit at which the program loads.
  private func start() throws -> Int {
    var kilobytes = 40_000
    while try run(["--version"], kilobytes: kilobytes).status == 127 { kilobytes += 10_000 }
    return kilobytes
  }

  private func sweep(_ arguments: [String], step: Int, most: Int) throws {
    let expected = try Tool.run(arguments, environment: ["OMP_NUM_THREADS": "1"])
    try #require(expected.status == 0, "\(expected.errors)")
    let first = try start()
    for kilobytes in stride(from: first, through: first + most, by: step) {
      let found = try run(arguments, kilobytes: kilobytes)
      if found.status == 0 {
        #expect(found.output == expected.output)
        return
      }
      #expect(found.status == 1 && found.errors.contains("Error: "), "\(kilobytes): \(found.status) \(found.errors)")
    }
    Issue.record("\(arguments): no answer under any limit")
  }

  @Test func answers() throws {
    try Tool.withModels { folder in
      let model = folder.appendingPathComponent("target").path
      let other = folder.appendingPathComponent("auxiliary.safetensors").path
      let picture = Fixture.url("images/cat.jpg").path
      let joined = ["--target", model, "--auxiliary", other, "--scale", "0.1"]
      try sweep(["classify", "--model", model, picture, "--json"], step: 4000, most: 400_000)
      try sweep(["inspect", model], step: 8000, most: 400_000)
      try sweep(["verify"] + joined + ["--random-tokens", "5", "--json"], step: 8000, most: 800_000)
      try sweep(
        ["merge"] + joined + ["--output", folder.appendingPathComponent("merged.safetensors").path], step: 8000,
        most: 400_000)
    }
  }

  /// A picture of 48 million pixels in a file of a kilobyte.
  @Test func largePictures() throws {
    try Tool.withModels { folder in
      let file = folder.appendingPathComponent("large.png")
      let picture = try PixelImage(extent: Extent(height: 6000, width: 8000)) { $0.initialize(repeating: 90) }
      try ImageFile.writePNG(picture, to: file)
      let arguments = ["classify", "--model", folder.appendingPathComponent("target").path, file.path]
      try sweep(arguments, step: 30_000, most: 1_000_000)
      let refused = try run(arguments, kilobytes: start() + 60_000)
      #expect(
        refused.errors.contains("144000000 bytes of memory") && refused.errors.contains("large.png"),
        "\(refused.errors)")
    }
  }

  /// The bytes of weights are checked before they are packed, those of a batch before it is read.
  @Test func modelsAndBatches() throws {
    let arguments = ["bench", "--architecture", "vit_small_patch16_224", "--runs", "1"]
    for room in [60_000, 120_000, 160_000] {
      let found = try run(arguments, kilobytes: start() + room)
      #expect(found.status == 1 && found.errors.contains("the model's weights take"), "\(room): \(found.errors)")
    }
    let batch = try run(arguments + ["--batch", "1024"], kilobytes: start() + 800_000)
    #expect(batch.status == 1 && batch.errors.contains("bytes of memory"), "\(batch.errors)")
  }
}
