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

  /// Names of the K classes, by index.
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
  /// The predicted class of every sample while its fold was held out, under the chosen ridge.
  public let heldOut: [Int]

  /// Head tensors under timm's names, `head.weight` (K, C) and `head.bias` (K), or another layer's: sharpened, so that
  /// softmax of the logits gives probabilities that held-out samples bear out.
  ///
  /// - Throws: `MemoryError`.
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
    return try predict(FloatRows(features.float32(), width: width), engine: engine)
  }

  /// The same of rows that may be on a disk, a piece of them at a time.
  package func predict(_ rows: FloatRows, engine: Engine) throws -> [Int] {
    let (head, shift, width) = (try weight.float32(), try bias.float32(), weight.shape[1])
    guard rows.width == width else {
      throw RidgeError.featureShape(found: [rows.count, rows.width], samples: rows.count)
    }
    let packed = WeightMatrix.packed(try PackedMatrix(head, n: classes.count, k: width, engine: engine))
    var answers: [Int] = []
    try rows.forEachPiece { _, values in
      let count = values.count / width
      var outputs = [Float](repeating: 0, count: count * classes.count)
      try outputs.withUnsafeMutableBufferPointer { outputs in
        guard let base = outputs.baseAddress else { return }
        try engine.multiply(values, lda: width, m: count, packed, bias: shift, into: base)
      }
      answers += (0..<count).map { Self.argmax(outputs[$0 * classes.count..<($0 + 1) * classes.count]) }
    }
    return answers
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
  package static func sharpness(_ outputs: FloatRows, labels: [Int]) throws -> Double {
    let (spread, classes) = (1 / Double(labels.count + 2), outputs.width)
    /// The likelihood's, of a piece of the outputs, added to `total`.
    func add(_ piece: [Float], _ labels: ArraySlice<Int>, _ factor: Double, to total: inout Double) {
      for (sample, label) in labels.enumerated() {
        let row = piece[sample * classes..<(sample + 1) * classes]
        let top = Double(row.max() ?? 0)
        var (weights, weighted, sum) = (0.0, 0.0, 0.0)
        for output in row {
          let value = Double(output) - top
          let weight = exp(factor * value)
          weights += weight
          weighted += weight * value
          sum += value
        }
        let own = Double(piece[sample * classes + label]) - top
        total += (1 - spread) * own + spread * sum / Double(classes) - weighted / weights
      }
    }
    func slope(_ factor: Double) throws -> Double {
      var total = 0.0
      try outputs.forEachPiece { start, piece in
        add(piece, labels[start..<start + piece.count / classes], factor, to: &total)
      }
      return total
    }
    var (low, high) = (0.0, 1.0)
    // 2^40 is beyond any answer the spread allows.
    for _ in 0..<40 {
      guard try slope(high) > 0 else { break }
      (low, high) = (high, high * 2)
    }
    for _ in 0..<30 {
      let middle = (low + high) / 2
      if try slope(middle) > 0 { low = middle } else { high = middle }
    }
    // Outputs that say nothing of the labels leave nothing to sharpen.
    return high > 0x1p-20 ? high : 1
  }
}
