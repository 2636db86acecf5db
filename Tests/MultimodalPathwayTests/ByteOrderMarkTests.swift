import Foundation
import MultimodalPathway
import Testing

/// Some editors begin a UTF-8 text with a byte-order mark.
@Suite struct ByteOrderMarkTests {
  @Test func configurationsMayBeginWithAByteOrderMark() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: file) }
    let text = Data(#"{"architecture": "vit_tiny_patch16_224", "num_classes": 7}"#.utf8)
    try text.write(to: file)
    let plain = try VisionTransformerConfiguration.read(file)
    try (Data([0xEF, 0xBB, 0xBF]) + text).write(to: file)
    #expect(try VisionTransformerConfiguration.read(file) == plain && plain.classCount == 7)
    let recipe = Data([0xEF, 0xBB, 0xBF]) + Data(#"{"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}"#.utf8)
    #expect(try ImagePreprocessing.timm(json: recipe, file: "config.json").mean == [0.5, 0.5, 0.5])
  }
}
