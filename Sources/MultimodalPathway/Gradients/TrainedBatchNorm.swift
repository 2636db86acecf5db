import PathwayKernelTemplates
import PathwayKernels

/// A batch norm in training with the activation after it (Templates/BatchNorm.swift), as PyTorch's `BatchNorm1d`: it
/// normalises with the statistics of the batch and moves the running ones, which evaluation reads, by momentum 0.1. The
/// running variance is unbiased.
///
/// Sums over rows are made in float32 by fixed pieces of rows, and brought together in Double in their order: no number
/// of threads changes a bit.
struct TrainedBatchNorm {
  private static let momentum = 0.1
  private static let epsilon = 1e-5
  /// Another size makes other bits, so no machine chooses it. 256 rows of 512 floats stay in a second-level cache.
  private static let rowsPerPiece = 256
  private static let columnsPerItem = 64

  private let width: Int
  private let slope: Float
  private let gain: FloatBuffer
  private let shift: FloatBuffer
  private let runningMean: UnsafeMutablePointer<Float>
  private let runningVariance: UnsafeMutablePointer<Float>
  private let places: (gain: UnsafeMutablePointer<Float>?, shift: UnsafeMutablePointer<Float>?)
  /// (4, width): mean and inverse of the batch; means over rows of d n and d.
  private let statistics: FloatBuffer
  /// (pieces, 2, width).
  private let partial: FloatBuffer

  /// - Parameters:
  ///   - rows: most rows of a pass.
  ///   - slope: of negative results: 0 for ReLU.
  /// - Throws: `BindingError`; `MemoryError`.
  init(
    _ norm: PointwiseLinear.BatchNorm, rows: Int, slope: Float = 0, by loader: ArenaLoader, in places: GradientPlaces
  ) throws {
    width = norm.gain.count
    self.slope = slope
    gain = try loader.vector(norm.gain)
    shift = try loader.vector(norm.shift)
    runningMean = try loader.place(norm.mean)
    runningVariance = try loader.place(norm.variance)
    self.places = (places[norm.gain], places[norm.shift])
    statistics = try FloatBuffer(count: 4 * width, for: .weights)
    partial = try FloatBuffer(count: SystemMemory.product(Self.pieces(rows), 2, width), for: .weights)
  }

  /// Whether it has no gradient.
  var isFrozen: Bool { places.gain == nil && places.shift == nil }
  /// Bytes of its own memory.
  var byteCount: Int { 4 * (statistics.count + partial.count) }

  private static func pieces(_ rows: Int) -> Int { rows / rowsPerPiece + (rows % rowsPerPiece > 0 ? 1 : 0) }

  private static func piece(_ index: Int, of rows: Int) -> Span1D {
    Span1D(index * rowsPerPiece, min(rows, (index + 1) * rowsPerPiece))
  }

  private func arguments(_ x: UnsafePointer<Float>, _ xStride: Int) -> BatchNormArguments {
    BatchNormArguments(
      x: x, xStride: xStride, width: width, mean: statistics.base, inverse: statistics.base + width, gain: gain.base,
      shift: shift.base, slope: slope)
  }

  /// Takes the statistics of `rows` rows of x, (rows, width), and moves the running ones.
  func measure(
    _ member: inout Member, _ kernels: KernelTable, x: UnsafePointer<Float>, xStride: Int, rows: Int
  ) {
    let pieces = Self.pieces(rows)
    member.parallelFor(pieces) { index in
      kernels.pointTraining.moments(
        x, xStride, Self.piece(index, of: rows), width, partial.base + index * 2 * width)
    }
    forColumns(&member) { column in
      let (mean, variance) = moments(of: column, rows: rows)
      let squares = variance * Double(rows)
      statistics.base[column] = Float(mean)
      statistics.base[width + column] = Float(1 / (variance + Self.epsilon).squareRoot())
      func move(_ running: UnsafeMutablePointer<Float>, to value: Double) {
        running[column] = Float(Self.momentum * value + (1 - Self.momentum) * Double(running[column]))
      }
      move(runningMean, to: mean)
      move(runningVariance, to: squares / Double(max(1, rows - 1)))
    }
  }

  /// Mean and biased variance of a column, of the pieces' (Chan et al. 1983, "Algorithms for Computing the Sample
  /// Variance").
  private func moments(of column: Int, rows: Int) -> (mean: Double, variance: Double) {
    func sum(_ term: (_ count: Double, _ mean: Double, _ squares: Double) -> Double) -> Double {
      var total = 0.0
      for index in 0..<Self.pieces(rows) {
        let (range, own) = (Self.piece(index, of: rows), partial.base + index * 2 * width + column)
        total += term(Double(range.end - range.start), Double(own[0]), Double(own[width]))
      }
      return total / Double(rows)
    }
    let mean = sum { count, mean, _ in count * mean }
    return (mean, sum { $2 + $0 * ($1 - mean) * ($1 - mean) })
  }

  private func forColumns(_ member: inout Member, _ body: (Int) -> Void) {
    let size = Self.columnsPerItem
    member.parallelFor((width + size - 1) / size) { item in
      for column in item * size..<min(width, (item + 1) * size) { body(column) }
    }
  }

  /// y = activation(norm(x)) of `rows` rows with the statistics of the last `measure`; y may be x.
  func run(
    _ member: inout Member, _ kernels: KernelTable, x: UnsafePointer<Float>, xStride: Int,
    y: UnsafeMutablePointer<Float>, yStride: Int, rows: Int
  ) {
    let template = arguments(x, xStride)
    member.parallelForRows(rows) { range in
      var arguments = template
      kernels.pointTraining.batchNorm(&arguments, y, yStride, range)
    }
  }

  /// dx of `rows` rows, of the gradient after the activation, and the parameters' gradients.
  ///
  ///     y = activation(gain (x - mean) inverse + shift)
  ///
  /// - Parameter dx: may be x or dy.
  func runGradient(
    _ member: inout Member, _ kernels: KernelTable, x: UnsafePointer<Float>, xStride: Int, dy: UnsafePointer<Float>,
    dyStride: Int, dx: UnsafeMutablePointer<Float>, dxStride: Int, rows: Int
  ) {
    let (template, pieces) = (arguments(x, xStride), Self.pieces(rows))
    member.parallelFor(pieces) { index in
      var arguments = template
      kernels.pointTraining.batchNormSums(
        &arguments, dy, dyStride, Self.piece(index, of: rows), partial.base + index * 2 * width)
    }
    forColumns(&member) { column in
      func total(_ start: Int) -> Double {
        (0..<pieces).reduce(0) { $0 + Double(partial.base[$1 * 2 * width + start + column]) }
      }
      let (ofGain, ofShift) = (total(0), total(width))
      statistics.base[2 * width + column] = Float(ofGain / Double(rows))
      statistics.base[3 * width + column] = Float(ofShift / Double(rows))
      places.gain?[column] += Float(ofGain)
      places.shift?[column] += Float(ofShift)
    }
    member.parallelForRows(rows) { range in
      var arguments = template
      kernels.pointTraining.batchNormGradient(
        &arguments, dy, dyStride, statistics.base + 2 * width, dx, dxStride, range)
    }
  }
}
