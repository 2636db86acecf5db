import Foundation
import MultimodalPathway
import PathwayData

/// How well a model tells labelled files, or the parts of labelled points.
public struct Evaluation: Sendable, Equatable {
  /// Names of the classes.
  public var classes: [String] { confusion.classes }
  /// Number of files.
  public private(set) var count = 0
  /// How often files of one class were taken for another; of the files that show one class.
  public private(set) var confusion: ConfusionMatrix
  private var ranks: TopKAccuracy
  /// nil: the model answers with one class.
  private var precision: AveragePrecision?
  /// What is measured of a model that answers for every point; nil: it answers for whole files.
  public private(set) var parts: PartIntersection?

  /// Without files.
  ///
  /// - Parameter task: of the model; for `multiLabel` average precision is measured.
  public init(classes: [String], task: VisionTransformerConfiguration.Task = .singleLabel) {
    confusion = ConfusionMatrix(classes: classes)
    ranks = TopKAccuracy(classCount: classes.count)
    precision = task == .multiLabel ? AveragePrecision(classCount: classes.count) : nil
  }

  /// Counts a file of one class.
  ///
  /// - Parameters:
  ///   - scores: of every class, higher is likelier.
  ///   - label: the file's class.
  /// - Throws: `DataError` for a label that is no class.
  public mutating func note(scores: [Float], label: Int) throws {
    try rank(scores: scores, label: label)
    try precision?.note(scores: scores, actual: [label])
    count += 1
  }

  private mutating func rank(scores: [Float], label: Int) throws {
    try ranks.note(scores: scores, actual: label)
    // Of equal scores the lower class, as in `ClassScores.best(_:)`; NaN never.
    let best = scores.indices.max { (scores[$0], -$0) < (scores[$1], -$1) } ?? 0
    try confusion.note(actual: label, predicted: best)
  }

  /// Whether every file showed one class, with which the model answered.
  public var hasOneClassPerFile: Bool { parts == nil && ranks.total == count }
  /// Share of files whose class is the first answer; NaN without files. Of files that show one class.
  public var top1: Double { ranks.accuracy(1) }
  /// Share of files whose class is among the first five answers; NaN without files. Of files that show one class.
  public var top5: Double { ranks.accuracy(5) }
  /// Mean over classes of average precision; NaN without files; nil for a model that answers with one class.
  public var meanAveragePrecision: Double? { precision?.mean }
  /// Average precision of every class, nil of one that no file shows; nil for a model that answers with one class.
  public var averagePrecisions: [Double?]? { precision.map { precision in classes.indices.map { precision($0) } } }
  /// What models are compared by: the mean over clouds of `PartIntersection`, mean average precision, or top-1.
  public var measure: Double { parts?.instanceMean ?? meanAveragePrecision ?? top1 }

  /// Evaluates a model on files; the answer for a file is the mean of its views' probabilities.
  ///
  /// - Parameters:
  ///   - files: with the model's classes, in their order.
  ///   - batch: views of a pass.
  ///   - willRead: called before files are read. It may throw to stop.
  /// - Throws: `TrainingError.severalLabels` for a file of several classes where the model answers with one;
  ///   `DataError`, `InferenceError`, `MemoryError`, `EngineError`; the error of the first file that cannot be read;
  ///   what `willRead` throws.
  public init(
    _ classifier: Classifier, on files: any LabelledFiles, batch: Int, willRead: () throws -> Void = {}
  ) throws {
    let task = classifier.model.configuration.task
    var evaluation = try Evaluation(of: files, task: task)
    let batches = InputBatches(frontEnd: classifier.frontEnd, engine: classifier.model.engine, size: batch)
    let workspace = try classifier.model.workspace(batch: batches.mostViews(files: files.paths.count))
    var scores = classifier.noScores
    let labelSets = files.labelSets
    try batches.forEach(files.paths, willRead: willRead) { batch in
      try classifier.add(batch, to: &scores, workspace: workspace) { file, scores in
        guard scores.isFinite else { throw DataError.notFinite(file: files.paths[file]) }
        try evaluation.note(scores, labels: labelSets[file])
      }
    }
    self = evaluation
  }

  /// The same with the front end of the model; one that answers for every point is evaluated on the points that it
  /// reads of each cloud, each once.
  ///
  /// - Parameters:
  ///   - files: with the model's classes, or the categories of its head of parts, in their order.
  ///   - batch: views of a pass; clouds with parts are answered one by one.
  ///   - willRead: called before files are read. It may throw to stop.
  /// - Throws: as `init(_:on:batch:willRead:)`; `TrainingError.otherCategories`, `.severalLabels`; the errors of
  ///   `LabelledCloud` for a cloud without the labels of its category.
  public init(
    _ model: VisionTransformer, _ frontEnd: any FrontEnd, on files: any LabelledFiles, batch: Int,
    willRead: () throws -> Void = {}
  ) throws {
    let c = model.configuration
    guard let head = c.parts, let reader = frontEnd as? PointFrontEnd else {
      self = try Evaluation(Classifier(model, frontEnd), on: files, batch: batch, willRead: willRead)
      return
    }
    var evaluation = try Evaluation(of: files, head)
    let workspace = try model.workspace(batch: 1)
    for (path, labels) in zip(files.paths, files.labelSets) {
      try willRead()
      let cloud = try reader.labelled(
        URL(fileURLWithPath: path), category: head.categories[labels[0]], classCount: c.classCount)
      let answer = try PartAnswer(model, cloud.prepared, category: labels[0], workspace: workspace)
      guard answer.isFinite else { throw DataError.notFinite(file: path) }
      try evaluation.note(cloud, category: labels[0], answer)
    }
    self = evaluation
  }

  /// Without files yet, of a head that answers for every point.
  ///
  /// - Throws: `TrainingError.otherCategories` unless the classes of `files` are its categories; `.severalLabels` for a
  ///   file of several.
  public init(of files: any LabelledFiles, _ head: PartConfiguration) throws(TrainingError) {
    try files.requireCategories(of: head)
    self.init(classes: files.classes)
    parts = PartIntersection()
  }

  /// Counts a cloud by the model's answer for its points, each point of the file that the model read once.
  ///
  /// - Parameter category: of the object, a class of the files.
  /// - Throws: `DataError` where the answer is not of that cloud's points.
  public mutating func note(_ cloud: LabelledCloud, category: Int, _ answer: PartAnswer) throws {
    let read = cloud.distinct
    try parts?.note(
      category: category, parts: answer.parts, actual: Array(cloud.parts.prefix(read)),
      predicted: answer.points.prefix(read).map(\.part))
    count += 1
  }

  /// Without files yet, for the classes of `files`.
  ///
  /// - Throws: `TrainingError.severalLabels` for a file of several classes where the task is one class.
  public init(of files: any LabelledFiles, task: VisionTransformerConfiguration.Task) throws(TrainingError) {
    if task != .multiLabel { try files.requireOneClass() }
    self.init(classes: files.classes, task: task)
  }

  /// Counts a file by the scores of its views; `labels` are its classes.
  ///
  /// - Throws: `DataError` for a label that is no class.
  public mutating func note(_ scores: ClassScores, labels: [Int]) throws {
    let ordered = scores.best(classes.count)
    if labels.count == 1 {
      // A rank for each class: that of the answer, ties decided as answers decide them.
      var values = [Float](repeating: 0, count: classes.count)
      for (rank, answer) in ordered.enumerated() { values[answer.index] = Float(classes.count - rank) }
      try rank(scores: values, label: labels[0])
    }
    var probabilities = [Float](repeating: 0, count: classes.count)
    for answer in ordered { probabilities[answer.index] = Float(answer.score) }
    try precision?.note(scores: probabilities, actual: Set(labels))
    count += 1
  }
}
