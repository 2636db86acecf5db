import MultimodalPathway
import PathwayKernels

/// Why a ridge head cannot be computed.
public enum RidgeError: CodedError, Equatable {
  /// Features that are not (samples, C) float32.
  case featureShape(found: [Int], samples: Int)
  /// A label, of a sample from 0, that is no class.
  case label(found: Int, sample: Int, classes: Int)
  /// Fewer than two classes.
  case tooFewClasses(found: Int)
  /// A number of folds outside 2...1000.
  case foldCount(found: Int)
  /// A class with fewer samples than folds.
  case tooFewSamples(class: String, found: Int, folds: Int)
  /// A ridge that is not a finite number above 0, or no ridge at all.
  case ridge(found: Double)
  /// A feature that is NaN or infinite.
  case notFinite(sample: Int, channel: Int)
  /// No ridge of the grid gave a matrix that float32 can factor; `minor` is where the largest one failed.
  case notPositiveDefinite(ridge: Double, minor: Int)
  /// The factorization was too inexact for its corrections to converge.
  case illConditioned(ridge: Double)
  /// LAPACK refused the argument `-info` of a routine.
  case lapack(routine: String, info: Int)

  /// The identifier of the case, stable within a major version.
  public var code: String {
    switch self {
    case .featureShape: "ridge.feature-shape"
    case .label: "ridge.label"
    case .tooFewClasses: "ridge.too-few-classes"
    case .foldCount: "ridge.fold-count"
    case .tooFewSamples: "ridge.too-few-samples"
    case .ridge: "ridge.ridge"
    case .notFinite: "ridge.not-finite"
    case .notPositiveDefinite: "ridge.not-positive-definite"
    case .illConditioned: "ridge.ill-conditioned"
    case .lapack: "ridge.lapack"
    }
  }

  /// What was found, what was expected and what to do, on one line: text from files is escaped.
  public var description: String { text.onOneLine() }

  private var text: String {
    switch self {
    case .featureShape(let found, let samples):
      "features have shape \(found), expected (\(samples), C) float32: a row for every label"
    case .label(let found, let sample, let classes):
      "sample \(sample) has label \(found), expected 0...\(classes - 1)"
    case .tooFewClasses(let found): "\(found) classes are too few; a head needs at least 2"
    case .foldCount(let found): "\(found) folds are not possible; use a number from 2 to 1000"
    case .tooFewSamples(let name, let found, let folds):
      "class '\(name)' has \(found) samples, fewer than the \(folds) folds; "
        + "give it more, or use fewer folds (at least 2)"
    case .ridge(let found): "a ridge of \(found) is not possible; use finite numbers above 0, at least one"
    case .notFinite(let sample, let channel):
      "feature \(channel) of sample \(sample) is not finite; the model or the input is broken"
    case .notPositiveDefinite(let ridge, let minor):
      "the Gram matrix is not positive definite (leading minor \(minor), relative ridge \(ridge)); use larger ridges"
    case .illConditioned(let ridge):
      "the Gram matrix is too ill-conditioned for float32 at the relative ridge \(ridge); use larger ridges"
    case .lapack(let routine, let info): "LAPACK's \(routine) refused its argument \(-info)"
    }
  }
}
