import PathwayCheckpoints

/// Bicubic resampling of position embeddings between grids of patches, as PyTorch's `interpolate(mode: "bicubic")` does
/// with sizes, not factors: timm's `resample_abs_pos_embed` and, without antialiasing, DINOv2's own code.
///
/// Cubic convolution (R. Keys 1981). With antialiasing a = -0.5, and the kernel widens with the factor when shrinking;
/// what lies beyond the border is left out and the weights are normalised. Without, a = -0.75, four taps, and the
/// border is repeated. Both as PyTorch has them. Everything is computed in double and rounded once.
struct PositionResampling {
  /// What one row or column of the new grid takes of the old one.
  private typealias Taps = [(index: Int, weight: Double)]

  let source: Extent
  let target: Extent
  private let rows: [Taps]
  private let columns: [Taps]

  init(from source: Extent, to target: Extent, antialias: Bool) {
    self.source = source
    self.target = target
    rows = Self.taps(source.height, target.height, antialias: antialias)
    columns = Self.taps(source.width, target.width, antialias: antialias)
  }

  /// (h w, C) of the old grid to (h' w', C) of the new one.
  ///
  /// - Complexity: O(C (h w' s + h' w' t)) for kernels of s columns and t rows.
  func callAsFunction(_ values: ArraySlice<Float>, width: Int) -> [Float] {
    // Columns first: (h, w', C).
    var narrow = [Double](repeating: 0, count: source.height * target.width * width)
    for row in 0..<source.height {
      for (column, taps) in columns.enumerated() {
        let to = (row * target.width + column) * width
        for tap in taps {
          let from = values.startIndex + (row * source.width + tap.index) * width
          for channel in 0..<width { narrow[to + channel] += tap.weight * Double(values[from + channel]) }
        }
      }
    }
    var result: [Float] = []
    result.reserveCapacity(target.height * target.width * width)
    let length = target.width * width
    for taps in rows {
      for index in 0..<length {
        result.append(Float(taps.reduce(0) { $0 + $1.weight * narrow[$1.index * length + index] }))
      }
    }
    return result
  }

  private static func taps(_ source: Int, _ target: Int, antialias: Bool) -> [Taps] {
    let scale = Double(source) / Double(target)
    return (0..<target).map { position in
      let center = scale * (Double(position) + 0.5)
      guard antialias else {
        let first = Int((center - 0.5).rounded(.down)) - 1
        return (first..<first + 4).map { index in
          (min(max(index, 0), source - 1), cubic(Double(index) + 0.5 - center, a: -0.75))
        }
      }
      let stretch = max(scale, 1)
      let range = max(Int(center - 2 * stretch + 0.5), 0)..<min(Int(center + 2 * stretch + 0.5), source)
      let weights = range.map { cubic((Double($0) + 0.5 - center) / stretch, a: -0.5) }
      let sum = weights.reduce(0, +)
      return zip(range, weights).map { ($0, $1 / sum) }
    }
  }

  private static func cubic(_ x: Double, a: Double) -> Double {
    let d = abs(x)
    if d < 1 { return ((a + 2) * d - (a + 3)) * d * d + 1 }
    if d < 2 { return (((d - 5) * d + 8) * d - 4) * a }
    return 0
  }
}

extension ModelWeights {
  /// The most patches that position embeddings are resampled to.
  static let largestResampledCount = 1 << 16

  /// This model for pictures of another size, squares or rectangles: position embeddings are resampled to its grid of
  /// patches, in every slice of a clip, those of class and register tokens kept. Nothing else depends on the size.
  ///
  /// - Parameter antialias: as timm does; false: as DINOv2's own code and Hugging Face do.
  /// - Throws: `ConfigurationError.invalid` where the size is smaller than a patch or beyond the limits: positions are
  ///   resampled to 2^16 patches at most, so that a configuration of a few bytes cannot ask for any amount of memory.
  public func resized(to size: Extent, antialias: Bool = true) throws -> ModelWeights {
    var resized = configuration
    resized.imageSize = size
    try resized.validate()
    var tensors = tensors
    if resized.grid != configuration.grid {
      guard resized.patchCount <= max(Self.largestResampledCount, configuration.patchCount) else {
        throw ConfigurationError.invalid(
          key: "img_size", found: "\(size)",
          expected: "a size of at most \(Self.largestResampledCount) patches, or the one the model is stored for")
      }
      let positions = try tensor("pos_embed").float32()
      let kept = configuration.positionPrefix * configuration.width
      let resample = PositionResampling(from: configuration.grid, to: resized.grid, antialias: antialias)
      let slice = configuration.grid.height * configuration.grid.width * configuration.width
      var values = Array(positions[..<kept])
      for start in stride(from: kept, to: positions.count, by: slice) {
        values += resample(positions[start..<start + slice], width: configuration.width)
      }
      tensors["pos_embed"] = Tensor(
        values, shape: [1, values.count / configuration.width, configuration.width])
    }
    return ModelWeights(
      configuration: resized, tensors: tensors, metadata: metadata, files: files, storedType: storedType,
      notes: notes, preprocessing: preprocessing?.settingSize(size))
  }
}
