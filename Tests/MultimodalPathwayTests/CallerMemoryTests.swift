import MultimodalPathway
import Testing

/// Forward passes into memory of the caller.
@Suite struct CallerMemoryTests {
  static func model(classes: Int) throws -> VisionTransformer {
    var c = VisionTransformerConfiguration(
      architecture: "vit_test", imageSize: Extent(height: 16, width: 16), patchSize: Extent(height: 8, width: 8),
      width: 24,
      depth: 2, heads: 2)
    c.classCount = classes
    return try VisionTransformer(.random(c, seed: 3), engine: Engine(threads: 2))
  }

  static let images = Tensor(shape: [2, 3, 16, 16]) { pixels in
    for index in pixels.indices { pixels[index] = Float(index % 19) / 8 - 1 }
  }

  @Test(arguments: [0, 5])
  func givesTheSameBits(classes: Int) throws {
    let model = try Self.model(classes: classes)
    let expected = try model(Self.images).float32()
    var logits = [Float](repeating: .nan, count: expected.count)
    var output = logits.mutableSpan
    try model.forward(Self.images, into: &output, workspace: model.workspace(batch: 3))
    #expect(logits == expected)
  }

  @Test func refusesMemoryOfAnotherSize() throws {
    let model = try Self.model(classes: 5)
    var logits = [Float](repeating: 7, count: 9)
    func error(_ images: Tensor, batch: Int) -> InferenceError? {
      do {
        var output = logits.mutableSpan
        try model.forward(images, into: &output, workspace: model.workspace(batch: batch))
        return nil
      } catch { return error as? InferenceError }
    }
    #expect(error(Self.images, batch: 2) == .outputCount(expected: 10, found: 9))
    #expect(error(Self.images, batch: 1) == .workspaceTooSmall(batch: 2, found: 1))
    #expect(
      error(Self.images.reshaped([2, 3, 8, 32]), batch: 2)
        == .inputShape(expected: "(B, 3, 16, 16) float32", found: [2, 3, 8, 32]))
    #expect(logits.allSatisfy { $0 == 7 })
  }
}
