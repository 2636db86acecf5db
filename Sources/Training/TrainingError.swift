import Foundation
import MultimodalPathway

/// Why a model cannot be trained, or why a run ends before its time.
public enum TrainingError: CodedError, Equatable {
  /// A key that recipes do not have.
  case unknownKey(found: String, known: [String])
  /// A value that a key does not take.
  case badSetting(key: String, found: String, expected: String)
  /// A recipe that is no mapping of keys to values.
  case badRecipe(file: String, reason: String)
  /// A recipe that this package does not have.
  case unknownRecipe(found: String, known: [String])
  /// A key that is for other modalities than the model's, with another value than its default.
  case notApplicable(key: String, found: String, modality: String, standard: String, applies: [String])
  /// A key that needs another value of another key to have an effect, with another value than its default.
  case noEffect(key: String, found: String, other: String, otherFound: String, needed: String, standard: String)
  /// A model of a kind that cannot be trained.
  case unsupported(feature: String, expected: String)
  /// Data of fewer than two classes.
  case tooFewClasses(found: Int)
  /// Fewer files than a step takes.
  case tooFewFiles(found: Int, batch: Int, accumulate: Int)
  /// A file of several classes where a model answers with one.
  case severalLabels(file: String, found: Int)
  /// Data whose classes are not the categories of a model that answers for every point.
  case otherCategories(found: [String], expected: [String])
  /// Files of training data that cannot be read: the first one's error, and how many there are in the batch.
  case unreadable(reason: String, count: Int)
  /// A directory that holds something else than a run, or a run that is not to be continued.
  case occupied(directory: String, found: String)
  /// A directory that cannot be listed.
  case unlistable(directory: String, reason: String)
  /// A log that cannot be continued; `line` counts from 1, nil for the whole file.
  case badLog(file: String, line: Int?, reason: String)
  /// A directory without a run to continue.
  case nothingToResume(directory: String)
  /// A checkpoint that is not one of this program's, or of another model.
  case badCheckpoint(file: String, reason: String)
  /// A recipe that is not the checkpoint's: `key is OWN, the run has OTHER`.
  case otherRecipe(differences: [String])
  /// Training data that are not the checkpoint's.
  case otherData(directory: String)
  /// A loss or a gradient that is NaN or infinite; `layer` is where, and `rate` the learning rate of the step.
  case diverged(step: Int, layer: String, rate: Double)

  /// The identifier of the case, stable within a major version.
  public var code: String {
    switch self {
    case .unknownKey: "training.unknown-key"
    case .badSetting: "training.bad-setting"
    case .badRecipe: "training.bad-recipe"
    case .unknownRecipe: "training.unknown-recipe"
    case .notApplicable: "training.not-applicable"
    case .noEffect: "training.no-effect"
    case .unsupported: "training.unsupported"
    case .tooFewClasses: "training.too-few-classes"
    case .tooFewFiles: "training.too-few-files"
    case .severalLabels: "training.several-labels"
    case .otherCategories: "training.other-categories"
    case .unreadable: "training.unreadable"
    case .occupied: "training.occupied"
    case .unlistable: "training.unlistable"
    case .badLog: "training.bad-log"
    case .nothingToResume: "training.nothing-to-resume"
    case .badCheckpoint: "training.bad-checkpoint"
    case .otherRecipe: "training.other-recipe"
    case .otherData: "training.other-data"
    case .diverged: "training.diverged"
    }
  }

  /// What was found, what was expected and what to do, on one line: text from files is escaped.
  public var description: String { text.onOneLine(limit: 1000) }

  private var text: String {
    switch self {
    case .unknownKey(let found, let known):
      "a recipe has no key '\(found)'; its keys are \(known.joined(separator: ", "))"
    case .badSetting(let key, let found, let expected): "\(key) is '\(found)', expected \(expected)"
    case .badRecipe(let file, let reason):
      "\(file): is no recipe: \(reason); expected lines such as 'epochs: 30' in YAML"
    case .unknownRecipe(let found, let known):
      "'\(found)' is no recipe and no file; the recipes are \(known.joined(separator: ", "))"
    case .notApplicable(let key, let found, let modality, let standard, let applies):
      "\(key) is '\(found)', but it is a key for models of \(applies.joined(separator: ", ")), and the model is for "
        + "\(modality); leave it at its default, \(standard)"
    case .noEffect(let key, let found, let other, let otherFound, let needed, let standard):
      "\(key) is '\(found)', which has no effect while \(other) is \(otherFound); set \(other) to \(needed), or leave "
        + "\(key) at its default, \(standard)"
    case .unsupported(let feature, let expected): "the model has \(feature), expected \(expected)"
    case .tooFewClasses(let found):
      "the data have \(found) class\(found == 1 ? "" : "es"), expected at least 2: one folder of files for each"
    case .tooFewFiles(let found, let batch, let accumulate):
      "a step takes \(batch * accumulate) files (batch \(batch), accumulate \(accumulate)) and the data have \(found); "
        + "use a smaller batch"
    case .severalLabels(let file, let found):
      "\(file): has \(found) labels, but the model answers with one class; train it for the task multi_label"
    case .otherCategories(let found, let expected):
      "the classes of the data are \(found.joined(separator: ", ")), expected the categories of the model: "
        + "\(expected.joined(separator: ", ")); give the folders or labels these names, or the model the data's "
        + "(points.categories in its config.json)"
    case .unreadable(let reason, let count):
      "\(reason)" + (count > 1 ? " (and \(count - 1) more of the same batch)" : "")
        + "; remove such files, or let the run leave them out"
    case .occupied(let directory, let found):
      "\(directory): holds \(found); resume the run, or choose another directory"
    case .unlistable(let directory, let reason): "\(directory): cannot be listed: \(reason)"
    case .badLog(let file, let line, let reason):
      "\(file):\(line.map { "\($0):" } ?? "") \(reason); restore the log, or remove it to resume without it"
    case .nothingToResume(let directory):
      "\(directory): has no checkpoint to resume from; start the run without resuming"
    case .badCheckpoint(let file, let reason): "\(file): cannot be resumed from: \(reason)"
    case .otherRecipe(let differences):
      "the recipe is not the one that the run was started with: \(differences.joined(separator: "; ")); "
        + "resume with the same recipe, or start another run"
    case .otherData(let directory):
      "\(directory): files or classes are not those that the run was started with; restore them, or start another run"
    case .diverged(let step, let layer, let rate):
      "step \(step): the gradient of \(layer) is not finite; the last checkpoint is unchanged. Use a learning rate "
        + "below \(String(format: "%.3g", rate)), a longer warm-up, or clip the gradients"
    }
  }
}
