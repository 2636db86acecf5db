import MultimodalPathway
import TestSupport
import Testing

/// Forward passes that end early.
@Suite struct PassCancellationTests {
  private func model(threads: Int) throws -> VisionTransformer {
    var c = VisionTransformerConfiguration(
      architecture: "vit_of_ones_own", imageSize: Extent(square: 16), patchSize: Extent(square: 8), width: 32, depth: 3,
      heads: 2, hiddenWidth: 64)
    c.classCount = 4
    return try VisionTransformer(.random(c, seed: 1), engine: Engine(threads: threads))
  }

  private var images: Tensor {
    var random = SeededGenerator(seed: 2)
    return Tensor(random.floats(2 * 3 * 16 * 16), shape: [2, 3, 16, 16])
  }

  @Test(arguments: [1, 2, 3]) func aCancelledPassThrows(_ threads: Int) throws {
    let (model, images) = (try model(threads: threads), images)
    let expected = try model(images).float32()
    let workspace = try model.workspace(batch: 2)
    let cancellation = PassCancellation()
    workspace.cancellation = cancellation
    #expect(try model.forward(images, workspace: workspace).logits.float32() == expected)
    #expect(!cancellation.isCancelled)
    cancellation.cancel()
    #expect(cancellation.isCancelled)
    #expect(throws: CancellationError.self) { try model.forward(images, workspace: workspace) }
    // The workspace is as good as a new one.
    workspace.cancellation = nil
    #expect(try model.forward(images, workspace: workspace).logits.float32() == expected)
  }
}
