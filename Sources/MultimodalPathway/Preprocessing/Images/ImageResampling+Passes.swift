import PathwayLoops

/// The passes of `PixelImage.resized(to:filter:)`.
extension PixelImage {
  /// Every given row with its columns resampled; row `rows.lowerBound` becomes row 0.
  ///
  /// - Parameter firstColumn: where column 0 of `self` is on the axis the weights were made for; even.
  func resampledHorizontally(_ weights: ResamplingWeights, rows: Range<Int>, firstColumn: Int) -> PixelImage {
    let target = Extent(height: rows.count, width: weights.runs.count)
    let samples = [UInt8](unsafeUninitializedCapacity: 3 * target.height * target.width) { output, count in
      withUnsafeTemporaryAllocation(of: SIMD8<Int16>.self, capacity: width / 2 + 1) { pairs in
        rgb.withUnsafeBytes { source in
          for y in rows {
            let row = UnsafeRawBufferPointer(rebasing: source[(3 * width * y)..<(3 * width * (y + 1))])
            ResamplingPasses.spreadPairs(of: row, into: pairs)
            let start = 3 * target.width * (y - rows.lowerBound)
            let target = UnsafeMutableBufferPointer(rebasing: output[start...])
            ResamplingPasses.convolve(
              pairs, firstPair: firstColumn / 2, runs: weights.runs, pairs: weights.pairs, into: target)
          }
        }
      }
      count = output.count
    }
    return PixelImage(trusted: target, rgb: samples)
  }

  /// The given columns with their rows resampled; column `columns.lowerBound` becomes column 0.
  ///
  /// - Parameter firstRow: where row 0 of `self` is on the axis the weights were made for; even.
  func resampledVertically(_ weights: ResamplingWeights, firstRow: Int, columns: Range<Int>) -> PixelImage {
    let target = Extent(height: weights.runs.count, width: columns.count)
    let samples = [UInt8](unsafeUninitializedCapacity: 3 * target.height * target.width) { output, count in
      rgb.withUnsafeBytes { source in
        for (y, run) in weights.runs.enumerated() {
          let row = UnsafeMutableBufferPointer(
            rebasing: output[(3 * target.width * y)..<(3 * target.width * (y + 1))])
          let start = 3 * (width * (2 * run.firstPair - firstRow) + columns.lowerBound)
          let pairs = weights.pairs[run.offset..<(run.offset + run.count)]
          pairs.withUnsafeBufferPointer {
            ResamplingPasses.blend(source, from: start, stride: 3 * width, $0, into: row)
          }
        }
      }
      count = output.count
    }
    return PixelImage(trusted: target, rgb: samples)
  }

  /// Pillow's nearest neighbour: positions are summed up step by step in Double, so rounding errors agree as well.
  func nearest(to target: Extent, rows: Range<Int>, columns: Range<Int>) -> PixelImage {
    let sourceRows = Self.nearestPositions(source: height, target: target.height, range: rows)
    let sourceColumns = Self.nearestPositions(source: width, target: target.width, range: columns)
    let extent = Extent(height: rows.count, width: columns.count)
    let samples = [UInt8](unsafeUninitializedCapacity: 3 * extent.height * extent.width) { output, count in
      var next = 0
      for y in sourceRows {
        for x in sourceColumns {
          let start = 3 * (width * y + x)
          for channel in 0..<3 { output[next + channel] = rgb[start + channel] }
          next += 3
        }
      }
      count = next
    }
    return PixelImage(trusted: extent, rgb: samples)
  }

  private static func nearestPositions(source: Int, target: Int, range: Range<Int>) -> [Int] {
    guard source != target else { return Array(range) }
    let step = Double(Float(source)) / Double(target)
    var position = step * 0.5
    var result: [Int] = []
    result.reserveCapacity(range.count)
    for sample in 0..<range.upperBound {
      if sample >= range.lowerBound { result.append(min(Int(position), source - 1)) }
      position += step
    }
    return result
  }

  /// A rectangle of the picture.
  func copy(rows: Range<Int>, columns: Range<Int>) -> PixelImage {
    var samples: [UInt8] = []
    samples.reserveCapacity(3 * rows.count * columns.count)
    for y in rows {
      let start = 3 * width * y
      samples += rgb[(start + 3 * columns.lowerBound)..<(start + 3 * columns.upperBound)]
    }
    return PixelImage(trusted: Extent(height: rows.count, width: columns.count), rgb: samples)
  }
}
