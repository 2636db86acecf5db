import Foundation
import MultimodalPathway
import PathwayData

/// Classifies picture files: the README's example.
@main
enum Pictures {
  static func main() throws {
    let arguments = CommandLine.arguments.dropFirst().map { URL(fileURLWithPath: $0) }
    guard let modelURL = arguments.first else { fatalError("usage: Pictures MODEL_DIRECTORY FILE...") }

    let classifier = try Classifier(modelAt: modelURL, engine: Engine())  // a directory with config.json
    for photoURL in arguments.dropFirst() {
      for answer in try classifier(photoURL).best(5) { print(answer.label, answer.score) }
    }
  }
}
