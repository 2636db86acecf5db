import PathwayTraining

extension TrainingError: Enumerated {
  static var first: Self { .unknownKey(found: hostileText, known: [hostileText]) }

  var next: Self? {
    switch self {
    case .unknownKey: .badSetting(key: hostileText, found: hostileText, expected: hostileText)
    case .badSetting: .badRecipe(file: hostileText, reason: hostileText)
    case .badRecipe: .unknownRecipe(found: hostileText, known: [hostileText])
    case .unknownRecipe:
      .notApplicable(
        key: hostileText, found: hostileText, modality: hostileText, standard: hostileText, applies: [hostileText])
    case .notApplicable:
      .noEffect(
        key: hostileText, found: hostileText, other: hostileText, otherFound: hostileText, needed: hostileText,
        standard: hostileText)
    case .noEffect: .unsupported(feature: hostileText, expected: hostileText)
    case .unsupported: .tooFewClasses(found: 1)
    case .tooFewClasses: .tooFewFiles(found: 1, batch: 2, accumulate: 3)
    case .tooFewFiles: .severalLabels(file: hostileText, found: 2)
    case .severalLabels: .otherCategories(found: [hostileText], expected: [hostileText])
    case .otherCategories: .unreadable(reason: hostileText, count: 2)
    case .unreadable: .occupied(directory: hostileText, found: hostileText)
    case .occupied: .unlistable(directory: hostileText, reason: hostileText)
    case .unlistable: .badLog(file: hostileText, line: 1, reason: hostileText)
    case .badLog: .nothingToResume(directory: hostileText)
    case .nothingToResume: .badCheckpoint(file: hostileText, reason: hostileText)
    case .badCheckpoint: .otherRecipe(differences: [hostileText])
    case .otherRecipe: .otherData(directory: hostileText)
    case .otherData: .diverged(step: 1, layer: hostileText, rate: 0.1)
    case .diverged: nil
    }
  }
}
