import Foundation
import MultimodalPathway

/// Loads a model directory and classifies a picture that the app makes itself: no file format, no tool.
@main
enum Embedding {
  static func main() throws {
    guard CommandLine.arguments.count == 2 else { fatalError("usage: Embedding MODEL_DIRECTORY") }
    let directory = URL(fileURLWithPath: CommandLine.arguments[1])
    let model = try VisionTransformer(ModelWeights(modelAt: directory), engine: Engine(threads: 2))
    let labels = model.configuration.labels ?? []

    for pattern in Pattern.allCases {
      let logits = try model(pattern.picture(model.configuration.imageSize)).float32()
      let probabilities = AnswerActivation.softmax.scores(logits)
      guard let best = probabilities.indices.max(by: { probabilities[$0] < probabilities[$1] }) else { continue }
      print("\(pattern.rawValue): \(labels[best]) \(Int((100 * probabilities[best]).rounded())) %")
    }
    let images = Pattern.rows.picture(model.configuration.imageSize)
    print("README: \(try readme(modelURL: directory, speechURL: directory, images: images).shape)")
  }
}

/// The picture that the app draws.
enum Pattern: String, CaseIterable {
  case rows, columns, squares

  /// One grey picture in -1...1, (1, 1, H, W), with a period of six pixels.
  func picture(_ size: Extent) -> Tensor {
    let pixels = (0..<size.height * size.width).map { index -> Float in
      let (row, column) = (index / size.width / 3 % 2, index % size.width / 3 % 2)
      let isLight =
        switch self {
        case .rows: row == 0
        case .columns: column == 0
        case .squares: row == column
        }
      return isLight ? 0.7 : -0.7
    }
    return Tensor(pixels, shape: [1, 1, size.height, size.width])
  }
}
