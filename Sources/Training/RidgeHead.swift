import Foundation
import MultimodalPathway
import PathwayKernels

/// A linear classifier of features in closed form: what `RidgeRegression` found.
public struct RidgeHead: Sendable {
  /// How one ridge of the grid did on the samples that were held out.
  public struct Candidate: Sendable, Equatable {
    /// In units of the mean variance of the (standardised) features.
    public let relativeRidge: Double
    /// Held-out samples classified correctly; nil where float32 could not factor the matrix of some fold.
    public let correct: Int?
    /// Mean squared error of held-out targets.
    public let loss: Double?
  }

  public let classes: [String]
  /// (K, C), in units of the features as they come: centring and standardisation are folded in.
  public let weight: Tensor
  /// (K).
  public let bias: Tensor
  /// The chosen ridge, as in `Candidate`.
  public let relativeRidge: Double
  /// The same as it stands in |X w - y|^2 + ridge |w|^2, of centred (and standardised) X: scikit-learn's `alpha`.
  public let ridge: Double
  /// What outputs are multiplied with before softmax takes them for logits: fitted on held-out samples.
  public let sharpness: Double
  /// All of the grid, smallest ridge first.
  public let candidates: [Candidate]
  /// Held-out samples of all folds under the chosen ridge.
  public let heldOut: ConfusionMatrix

  /// Head tensors under timm's names, `head.weight` (K, C) and `head.bias` (K), or another layer's: sharpened, so that
  /// softmax of the logits gives probabilities that held-out samples bear out.
  public func tensors(name: String = "head") throws -> [String: Tensor] {
    func sharpened(_ tensor: Tensor) throws -> Tensor {
      Tensor(try tensor.float32().map { Float(Double($0) * sharpness) }, shape: tensor.shape)
    }
    return ["\(name).weight": try sharpened(weight), "\(name).bias": try sharpened(bias)]
  }

  /// The class of each of the features, (n, C), by index.
  ///
  /// - Throws: `RidgeError.featureShape`, `EngineError`.
  public func predict(_ features: Tensor, engine: Engine) throws -> [Int] {
    let width = weight.shape[1]
    guard features.shape.count == 2, features.shape[1] == width else {
      throw RidgeError.featureShape(found: features.shape, samples: features.shape.first ?? 0)
    }
    let rows = features.shape[0]
    let (values, head, shift) = (try features.float32(), try weight.float32(), try bias.float32())
    let packed = WeightMatrix.packed(try PackedMatrix(head, n: classes.count, k: width, engine: engine))
    var outputs = [Float](repeating: 0, count: rows * classes.count)
    try outputs.withUnsafeMutableBufferPointer { outputs in
      guard let base = outputs.baseAddress else { return }
      try engine.multiply(values, lda: width, m: rows, packed, bias: shift, into: base)
    }
    return (0..<rows).map { Self.argmax(outputs[$0 * classes.count..<($0 + 1) * classes.count]) }
  }

  /// The place of the largest value, the first of several.
  static func argmax(_ values: ArraySlice<Float>) -> Int {
    var best = values.startIndex
    for index in values.indices where values[index] > values[best] { best = index }
    return best - values.startIndex
  }

  /// The factor under which softmax of `outputs`, (n, K), makes `labels` likeliest.
  ///
  /// The likelihood is concave in the factor. A share 1 / (n + 2) of every target is spread over all classes (Platt
  /// 1999), so that separable samples have a finite answer.
  package static func sharpness(_ outputs: [Float], labels: [Int], classes: Int) -> Double {
    let spread = 1 / Double(labels.count + 2)
    func slope(_ factor: Double) -> Double {
      var total = 0.0
      for (sample, label) in labels.enumerated() {
        let row = outputs[sample * classes..<(sample + 1) * classes]
        let top = Double(row.max() ?? 0)
        var (weights, weighted, sum) = (0.0, 0.0, 0.0)
        for output in row {
          let value = Double(output) - top
          let weight = exp(factor * value)
          weights += weight
          weighted += weight * value
          sum += value
        }
        let own = Double(outputs[sample * classes + label]) - top
        total += (1 - spread) * own + spread * sum / Double(classes) - weighted / weights
      }
      return total
    }
    var (low, high) = (0.0, 1.0)
    // 2^40 is beyond any answer the spread allows.
    for _ in 0..<40 where slope(high) > 0 { (low, high) = (high, high * 2) }
    for _ in 0..<30 {
      let middle = (low + high) / 2
      if slope(middle) > 0 { low = middle } else { high = middle }
    }
    // Outputs that say nothing of the labels leave nothing to sharpen.
    return high > 0x1p-20 ? high : 1
  }
}
