import MultimodalPathway
import PathwayData

extension Recipe {
  /// What the head of a run answers.
  ///
  /// - Parameter c: of the target as it is loaded.
  /// - Throws: `TrainingError.unsupported` for a regression; `.severalLabels` where the recipe wants one class of a
  ///   file that has several, or the file is one object whose points have parts; `.badSetting` and `.otherCategories`
  ///   for a head that answers for every point.
  func headTask(
    of files: any LabelledFiles, for c: VisionTransformerConfiguration
  ) throws(TrainingError) -> VisionTransformerConfiguration.Task {
    if let head = c.parts {
      guard task != .multiLabel else {
        throw .badSetting(
          key: "task", found: task.rawValue, expected: "data or single_label: a point of a cloud belongs to one part")
      }
      try files.requireCategories(of: head)
      return .singleLabel
    }
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
  /// - Throws: `TrainingError.otherCategories` unless the classes are the head's categories, in their order;
  ///   `.severalLabels`.
  func requireCategories(of head: PartConfiguration) throws(TrainingError) {
    let expected = head.categories.map(\.name)
    guard classes == expected else { throw .otherCategories(found: classes, expected: expected) }
    try requireOneClass()
  }

  /// - Throws: `TrainingError.severalLabels`, naming the first file of several classes.
  func requireOneClass() throws(TrainingError) {
    guard let file = firstWithSeveralClasses else { return }
    throw .severalLabels(file: paths[file], found: labelSets[file].count)
  }
}

extension VisionTransformerConfiguration {
  /// Whether the head answers with these classes, in this order, and for that task; one that answers for every point,
  /// whether these are its categories.
  func hasHead(for classes: [String], task: Task) -> Bool {
    if let parts { return parts.categories.map(\.name) == classes }
    return classCount == classes.count && labels == classes && self.task == task
  }
}
