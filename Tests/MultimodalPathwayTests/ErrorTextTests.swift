import MultimodalPathway
import PathwayCheckpoints
import PathwayMedia
import Testing

/// Text from files in errors and notes.
@Suite struct ErrorTextTests {
  private static let text = "\u{1B}]0;title\u{7}\n\u{9B}2J\u{202E}<b>" + String(repeating: "x", count: 1 << 20)

  private static let errors: [any CustomStringConvertible & Sendable] = [
    CheckpointError.duplicateName(file: text, name: text),
    CheckpointError.ambiguousTensors(file: text, keys: [text, text]),
    ConfigurationError.badValue(file: text, key: text, found: text, expected: text),
    ConfigurationError.unknownArchitecture(text, nearest: [text]),
    CheckpointLayoutError.unrecognized(names: [text]), CheckpointLayoutError.shapes(tensors: [text], shapes: []),
    PathwayError.notALayer(found: text, nearest: text), PathwayError.badScales(file: text, reason: text),
    ImagePreprocessingError.unsupported(file: text, key: text, found: text, supported: text),
    CalibrationError.notFinite(input: 0, layer: text),
    BatchNormError.negativeVariance(tensor: text, index: 0, found: -1),
    AudioError.invalid(key: text, found: text, expected: text),
    MediaError.damaged(file: text, finding: text), VideoError.damaged(file: text, finding: text),
    AudioFileError.damaged(file: text, finding: text),
    PointFileError.malformed(file: text, at: .line(1), finding: text),
    MediaNote(.warning, file: text, text),
  ]

  @Test(arguments: errors.indices)
  func isOneShortLine(_ index: Int) {
    let text = "\(Self.errors[index])"
    #expect(text.unicodeScalars.count <= 2005 && text.contains("\\u{1b}]0;title"))
    #expect(text.unicodeScalars.allSatisfy { !$0.isUnfitForALine })
  }

  @Test func bindings() throws {
    let checkpoint = Checkpoint(tensors: [Self.text: Tensor([1], shape: [1])])
    let error = try #require(
      #expect(throws: BindingError.self) {
        try ModelWeights(checkpoint: checkpoint, configuration: .preset("vit_tiny_patch16_224"))
      })
    #expect(error.unexpected == [Self.text] && error.description.unicodeScalars.count <= 2005)
    #expect(error.description.unicodeScalars.allSatisfy { !$0.isUnfitForALine })
  }
}
