import MultimodalPathway
import PathwayData

extension Recipe {
  /// What the head of a run answers.
  ///
  /// - Parameter c: of the target as it is loaded.
  /// - Throws: `TrainingError.unsupported` for a regression; `.severalLabels` where the recipe wants one class of a
  ///   file that has several.
  func headTask(
    of files: any LabelledFiles, for c: VisionTransformerConfiguration
  ) throws(TrainingError) -> VisionTransformerConfiguration.Task {
    if c.classCount > 0, c.task == .regression {
      throw .unsupported(feature: "the task regression", expected: "a model that answers with classes, or has no head")
    }
    switch task {
    case .multiLabel: return .multiLabel
    case .data:
      if files.firstWithSeveralClasses != nil { return .multiLabel }
      return c.hasHead(for: files.classes, task: .multiLabel) ? .multiLabel : .singleLabel
    case .singleLabel:
      try files.requireOneClass()
      return .singleLabel
    }
  }
}

extension LabelledFiles {
  /// - Throws: `TrainingError.severalLabels`, naming the first file of several classes.
  func requireOneClass() throws(TrainingError) {
    guard let file = firstWithSeveralClasses else { return }
    throw .severalLabels(file: paths[file], found: labelSets[file].count)
  }
}

extension VisionTransformerConfiguration {
  /// - Throws: `TrainingError.unsupported` for a head that answers for every point.
  func requireOneAnswer() throws(TrainingError) {
    guard parts == nil else {
      throw .unsupported(feature: "an answer for every point", expected: "a head that answers for the whole cloud")
    }
  }

  /// Whether the head answers with these classes, in this order, and for that task.
  func hasHead(for classes: [String], task: Task) -> Bool {
    classCount == classes.count && labels == classes && self.task == task
  }
}
