import Foundation
import MultimodalPathway
import PathwayData

/// Names what files show: the README's example.
@main
enum Pictures {
  static func main() async throws {
    let arguments = CommandLine.arguments.dropFirst().map { URL(fileURLWithPath: $0) }
    guard arguments.count > 1 else { fatalError("usage: Pictures MODEL_DIRECTORY SPEECH_DIRECTORY FILE...") }
    let (modelURL, speechURL) = (arguments[0], arguments[1])

    let pipeline = try await Pipeline(modelAt: modelURL)  // a directory with config.json
    for photoURL in arguments.dropFirst(2) {
      for answer in try await pipeline.classify(photoURL).best(5) { print(answer.label, answer.score) }
    }
    try await joinSpeech(pipeline, speechURL, files: arguments.dropFirst(2))
  }

  /// Joins an auxiliary to the loaded model, changes lambda, merges, and says what that changed.
  private static func joinSpeech(_ pipeline: Pipeline, _ speechURL: URL, files: ArraySlice<URL>) async throws {
    let plain = try await logits(pipeline, files)
    let speech = try AuxiliaryWeights(modelAt: speechURL)
    try pipeline.transformer.update { try $0.attach(auxiliary: speech, scale: 0.05) }
    let joined = try await logits(pipeline, files)
    try pipeline.transformer.update { try $0.scaled(["blocks.3.mlp.fc1": 0.2]) }
    let changed = try await logits(pipeline, files)

    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (model, weights) = (pipeline.transformer.model, pipeline.transformer.weights)
    try weights.writeMerged(to: folder.appendingPathComponent("model.safetensors"), engine: model.engine)
    try model.configuration.write(toDirectory: folder, preprocessing: weights.target.preprocessing)
    let merged = try await Pipeline(modelAt: folder)
    let answers = try await logits(merged, files)
    print("joined: \(joined != plain), lambda changed: \(changed != joined), merged equals: \(answers == changed)")
  }
  private static func logits(_ pipeline: Pipeline, _ files: ArraySlice<URL>) async throws -> [Float] {
    var logits: [Float] = []
    for file in files {
      logits += try await pipeline.classify(file).best(.max).sorted { $0.index < $1.index }.map(\.logit)
    }
    return logits
  }
}
