import Foundation
import MultimodalPathway
import PathwayData

/// Answers for pictures, sounds and clouds, a model for each: the README's examples.
@main
enum Media {
  static func main() async throws {
    let arguments = CommandLine.arguments.dropFirst().map { URL(fileURLWithPath: $0) }
    guard arguments.count > 4 else { fatalError("usage: Media PICTURE_MODEL SPEECH SOUND_MODEL PART_MODEL FILE...") }
    let (modelURL, speechURL) = (arguments[0], arguments[1])
    let files = arguments.dropFirst(4)

    let pipeline = try await Pipeline(modelAt: modelURL)  // a directory with config.json
    let sounds = try await Pipeline(modelAt: arguments[2])
    let clouds = try await Pipeline(modelAt: arguments[3])
    var photos: [URL] = []
    for file in files {
      switch file.pathExtension {
      case "wav": try await nameSound(sounds, file)
      case "ply": try await nameParts(clouds, file)
      default: photos.append(file)
      }
    }
    for photoURL in photos {
      print(photoURL.lastPathComponent)
      for answer in try await pipeline.classify(photoURL).best(5) { print(answer.label, answer.score) }
    }
    try await joinSpeech(pipeline, speechURL, files: photos)
  }

  /// Prints the class of a recording, which is read from memory too.
  private static func nameSound(_ pipeline: Pipeline, _ file: URL) async throws {
    let answer = try await pipeline.classify(file).best(1)
    let sameInMemory = try await pipeline.classify(Data(contentsOf: file)).best(1) == answer
    print("\(file.lastPathComponent): \(answer[0].label), in memory the same: \(sameInMemory)")
  }

  /// Prints the category of an object, and how many of its points belong to each part.
  private static func nameParts(_ pipeline: Pipeline, _ file: URL) async throws {
    let found = try await pipeline.segment(file)
    let inMemory = try await pipeline.segment(.data(Data(contentsOf: file), name: file.lastPathComponent))
    let names = pipeline.names ?? []
    let counts = found.answer.parts.map { part in "\(found.points.count { $0.part == part }) \(names[part])" }
    print(
      "\(file.lastPathComponent): \(found.answer.category.name), \(counts.joined(separator: ", ")),",
      "in memory the same: \(inMemory.points == found.points)")
  }

  /// Joins an auxiliary to the loaded model, changes lambda, merges, and says what that changed.
  private static func joinSpeech(_ pipeline: Pipeline, _ speechURL: URL, files: [URL]) async throws {
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

  private static func logits(_ pipeline: Pipeline, _ files: [URL]) async throws -> [Float] {
    var logits: [Float] = []
    for file in files {
      logits += try await pipeline.classify(file).best(.max).sorted { $0.index < $1.index }.map(\.logit)
    }
    return logits
  }
}
