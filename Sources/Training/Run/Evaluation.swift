import MultimodalPathway
import PathwayData

/// How well a model tells files that are sorted by class.
public struct Evaluation: Sendable, Equatable {
  /// Names of the classes.
  public var classes: [String] { confusion.classes }
  /// How often files of one class were taken for another.
  public private(set) var confusion: ConfusionMatrix
  private var ranks: TopKAccuracy

  /// Without files.
  public init(classes: [String]) {
    confusion = ConfusionMatrix(classes: classes)
    ranks = TopKAccuracy(classCount: classes.count)
  }

  /// Counts a file.
  ///
  /// - Parameters:
  ///   - scores: of every class, higher is likelier.
  ///   - label: the file's class.
  /// - Throws: `DataError` for a label that is no class.
  public mutating func note(scores: [Float], label: Int) throws {
    try ranks.note(scores: scores, actual: label)
    // Of equal scores the lower class, as in `ClassScores.best(_:)`; NaN never.
    let best = scores.indices.max { (scores[$0], -$0) < (scores[$1], -$1) } ?? 0
    try confusion.note(actual: label, predicted: best)
  }

  /// Number of files.
  public var count: Int { ranks.total }
  /// Share of files whose class is the first answer; NaN without files.
  public var top1: Double { ranks.accuracy(1) }
  /// Share of files whose class is among the first five answers; NaN without files.
  public var top5: Double { ranks.accuracy(5) }

  /// Evaluates a model on files; the answer for a file is the mean of its views' probabilities.
  ///
  /// - Parameters:
  ///   - folders: with the model's classes, in their order.
  ///   - batch: views of a pass.
  /// - Throws: `DataError`, `InferenceError`, `MemoryError`, `EngineError`; the error of the first file that cannot be
  ///   read.
  public init(_ classifier: Classifier, on folders: ClassFolders, batch: Int) throws {
    self.init(classes: folders.classes)
    let batches = InputBatches(frontEnd: classifier.frontEnd, engine: classifier.model.engine, size: batch)
    let workspace = try classifier.model.workspace(batch: batches.mostViews(files: folders.paths.count))
    var scores = classifier.noScores
    var evaluation = self
    try batches.forEach(folders.paths) { batch in
      try classifier.add(batch, to: &scores, workspace: workspace) { file, scores in
        guard scores.isFinite else { throw DataError.notFinite(file: folders.paths[file]) }
        try evaluation.note(scores, label: folders.labels[file])
      }
    }
    self = evaluation
  }

  /// Counts a file by the scores of its views; `label` is its class.
  ///
  /// - Throws: `DataError` for a label that is no class.
  public mutating func note(_ scores: ClassScores, label: Int) throws {
    let ordered = scores.best(classes.count)
    // A rank for each class: that of the answer, ties decided as answers decide them.
    var values = [Float](repeating: 0, count: classes.count)
    for (rank, answer) in ordered.enumerated() { values[answer.index] = Float(classes.count - rank) }
    try note(scores: values, label: label)
  }
}
