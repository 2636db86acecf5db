import Foundation
import PathwayTraining

/// What a probe found, for people and for scripts.
struct ProbeReport: Encodable {
  struct Pictures: Encodable {
    var images: Int
    var skipped: [String]
    var seconds: Double
    var images_per_second: Double

    init(_ features: FeatureExtractor.Extracted) {
      images = features.labels.count
      skipped = features.skipped
      seconds = features.seconds
      images_per_second = Double(features.labels.count) / features.seconds
    }
  }
  struct Candidate: Encodable {
    var relative_ridge: Double
    var held_out_accuracy: Double?
    var loss: Double?
  }
  struct Accuracy: Encodable {
    var correct: Int
    var total: Int
    var accuracy: Double
    /// By true class, then by predicted class.
    var confusion: [[Int]]

    init(_ matrix: ConfusionMatrix) {
      (correct, total, accuracy, confusion) = (matrix.correct, matrix.total, matrix.accuracy, matrix.counts)
    }
  }

  var classes: [String]
  var train: Pictures
  var test: Pictures?
  var folds: Int
  var threads: Int
  var ridge: Double
  var relative_ridge: Double
  var sharpness: Double
  var candidates: [Candidate]
  var held_out: Accuracy
  var test_accuracy: Accuracy?
  var output: String

  init(
    _ head: RidgeHead, folds: Int, train: FeatureExtractor.Extracted, test: FeatureExtractor.Extracted?,
    confusion: ConfusionMatrix?, output: String, threads: Int
  ) {
    classes = head.classes
    self.train = Pictures(train)
    self.test = test.map(Pictures.init)
    self.folds = folds
    self.threads = threads
    ridge = head.ridge
    relative_ridge = head.relativeRidge
    sharpness = head.sharpness
    candidates = head.candidates.map { candidate in
      Candidate(
        relative_ridge: candidate.relativeRidge,
        held_out_accuracy: candidate.correct.map { Double($0) / Double(head.heldOut.total) }, loss: candidate.loss)
    }
    held_out = Accuracy(head.heldOut)
    test_accuracy = confusion.map(Accuracy.init)
    self.output = output
  }

  var text: String {
    var lines: [String] = []
    for (name, pictures) in [("training", train), ("test", test)] {
      guard let pictures else { continue }
      lines.append(
        String(
          format: "%@: %d pictures in %.1f s, %.1f a second on %d threads", name, pictures.images, pictures.seconds,
          pictures.images_per_second, threads))
      if !pictures.skipped.isEmpty { lines.append("  left out, unreadable: \(pictures.skipped.count)") }
      lines += pictures.skipped.prefix(5).map { "  " + $0 }
    }
    lines.append(
      String(
        format: "ridge: %.3g (%.3g of the mean variance), chosen on %d held-out folds", ridge, relative_ridge, folds))
    lines.append("held-out accuracy: " + Self.text(held_out))
    if let test_accuracy { lines.append("test accuracy: " + Self.text(test_accuracy)) }
    lines += confusionLines(test_accuracy ?? held_out)
    lines.append("wrote \(output)")
    return lines.joined(separator: "\n")
  }

  private static func text(_ accuracy: Accuracy) -> String {
    String(format: "%.2f %% (%d of %d)", accuracy.accuracy * 100, accuracy.correct, accuracy.total)
  }

  /// The whole matrix where a terminal has room for it, else the most frequent confusions.
  private func confusionLines(_ accuracy: Accuracy) -> [String] {
    let counts = accuracy.confusion
    guard classes.count <= 12 else {
      let pairs = classes.indices.flatMap { actual in classes.indices.map { (actual, $0) } }
        .filter { $0.0 != $0.1 && counts[$0.0][$0.1] > 0 }
        .sorted { (-counts[$0.0][$0.1], $0.0, $0.1) < (-counts[$1.0][$1.1], $1.0, $1.1) }
      return ["most frequent confusions:"]
        + pairs.prefix(10).map { "  \(counts[$0.0][$0.1]) x \(classes[$0.0]) taken for \(classes[$0.1])" }
    }
    func cell(_ text: String) -> String { String(repeating: " ", count: max(1, 8 - text.count)) + text }
    let name = classes.map(\.count).max() ?? 0
    func label(_ text: String) -> String { text.padding(toLength: name, withPad: " ", startingAt: 0) }
    return ["rows: what it is; columns: what it is taken for"]
      + [label("") + classes.map { cell(String($0.prefix(7))) }.joined()]
      + classes.indices.map { label(classes[$0]) + counts[$0].map { cell("\($0)") }.joined() }
  }
}
