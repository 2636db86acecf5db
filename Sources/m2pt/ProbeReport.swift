import Foundation
import MultimodalPathway
import PathwayData
import PathwayProbing

/// What a probe found, for people and for scripts.
struct ProbeReport: Encodable {
  struct Files: Encodable {
    var files: Int
    var skipped: [String]
    var seconds: Double
    var files_per_second: Double

    init(_ features: FeatureExtractor.Extracted) {
      files = features.labels.count
      skipped = features.skipped
      seconds = features.seconds
      files_per_second = Double(features.labels.count) / features.seconds
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
  var modality: String
  var train: Files
  var test: Files?
  var folds: Int
  var threads: Int
  var ridge: Double
  var relative_ridge: Double
  var sharpness: Double
  var candidates: [Candidate]
  var held_out: Accuracy
  var test_accuracy: Accuracy?
  var output: String
  private let things: String

  private enum CodingKeys: CodingKey {
    case classes, modality, train, test, folds, threads, ridge, relative_ridge, sharpness, candidates, held_out
    case test_accuracy, output
  }

  init(
    _ head: RidgeHead, _ heldOut: ConfusionMatrix, _ modality: Modality, folds: Int,
    train: FeatureExtractor.Extracted, test: FeatureExtractor.Extracted?, confusion: ConfusionMatrix?,
    output: String, threads: Int
  ) {
    classes = head.classes
    self.modality = modality.rawValue
    things = modality.things
    self.train = Files(train)
    self.test = test.map(Files.init)
    self.folds = folds
    self.threads = threads
    ridge = head.ridge
    relative_ridge = head.relativeRidge
    sharpness = head.sharpness
    candidates = head.candidates.map { candidate in
      Candidate(
        relative_ridge: candidate.relativeRidge,
        held_out_accuracy: candidate.correct.map { Double($0) / Double(heldOut.total) }, loss: candidate.loss)
    }
    held_out = Accuracy(heldOut)
    test_accuracy = confusion.map(Accuracy.init)
    self.output = output
  }

  var lines: [String] {
    var lines: [String] = []
    for (name, read) in [("training", train), ("test", test)] {
      guard let read else { continue }
      lines.append(
        String(
          format: "%@: %d %@ in %.1f s, %.1f a second on %d threads", name, read.files, things, read.seconds,
          read.files_per_second, threads))
      if !read.skipped.isEmpty { lines.append("  left out, unreadable: \(read.skipped.count)") }
      lines += read.skipped.prefix(5).map { "  " + $0 }
    }
    lines.append(
      String(
        format: "ridge: %.3g (%.3g of the mean variance), chosen on %d held-out folds", ridge, relative_ridge, folds))
    lines.append("held-out accuracy: " + Self.text(held_out))
    if let test_accuracy { lines.append("test accuracy: " + Self.text(test_accuracy)) }
    lines += confusionLines(test_accuracy ?? held_out)
    lines.append("wrote \(output)")
    return lines
  }

  private static func text(_ accuracy: Accuracy) -> String {
    String(format: "%.2f %% (%d of %d)", accuracy.accuracy * 100, accuracy.correct, accuracy.total)
  }

  /// The whole matrix where a terminal has room for it, else the most frequent confusions.
  private func confusionLines(_ accuracy: Accuracy) -> [String] {
    let counts = accuracy.confusion
    let names = classes.map { $0.onOneLine(limit: longestLabel) }
    guard classes.count <= 12 else {
      let pairs = classes.indices.flatMap { actual in classes.indices.map { (actual, $0) } }
        .filter { $0.0 != $0.1 && counts[$0.0][$0.1] > 0 }
        .sorted { (-counts[$0.0][$0.1], $0.0, $0.1) < (-counts[$1.0][$1.1], $1.0, $1.1) }
      return ["most frequent confusions:"]
        + pairs.prefix(10).map { "  \(counts[$0.0][$0.1]) x \(names[$0.0]) taken for \(names[$0.1])" }
    }
    func cell(_ text: String) -> String { String(repeating: " ", count: max(1, 8 - text.count)) + text }
    let width = names.map(\.count).max() ?? 0
    return ["rows: what it is; columns: what it is taken for"]
      + ["".padded(to: width) + names.map { cell(String($0.prefix(7))) }.joined()]
      + names.indices.map { names[$0].padded(to: width) + counts[$0].map { cell("\($0)") }.joined() }
  }
}

extension Modality {
  /// What people call several of a model's inputs.
  fileprivate var things: String {
    switch self {
    case .image: "pictures"
    case .audio: "recordings"
    case .video: "videos"
    case .points: "clouds"
    }
  }
}
