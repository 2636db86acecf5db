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
            Self.spreadPairs(of: row, into: pairs)
            let start = 3 * target.width * (y - rows.lowerBound)
            let target = UnsafeMutableBufferPointer(rebasing: output[start...])
            Self.convolve(pairs, firstPair: firstColumn / 2, weights, into: target)
          }
        }
      }
      count = output.count
    }
    return PixelImage(trusted: target, rgb: samples)
  }

  /// Lays neighbouring pixels p, q out as (p.r, q.r, p.g, q.g, p.b, q.b, -, -), so that one pair of weights serves
  /// them.
  private static func spreadPairs(
    of row: UnsafeRawBufferPointer, into pairs: UnsafeMutableBufferPointer<SIMD8<Int16>>
  ) {
    let pixels = row.count / 3
    let pairCount = (pixels + 1) / 2
    // A pair is loaded as 8 bytes of which 6 are its own; the last pairs, where 8 could pass the end, go byte by byte.
    let fast = row.count >= 8 ? (row.count - 8) / 6 + 1 : 0
    for pair in 0..<min(fast, pairCount) {
      let bytes = row.loadUnaligned(fromByteOffset: 6 &* pair, as: UInt64.self).littleEndian
      var both = SIMD16<UInt8>()
      // SAFETY: both types are 8 bytes of plain integers.
      both.evenHalf = unsafeBitCast(bytes.littleEndian, to: SIMD8<UInt8>.self)
      both.oddHalf = unsafeBitCast((bytes >> 24).littleEndian, to: SIMD8<UInt8>.self)
      pairs[pair] = SIMD8<Int16>(truncatingIfNeeded: both.lowHalf)
    }
    for pair in min(fast, pairCount)..<pairCount {
      var spread = SIMD8<Int16>(repeating: 0)
      for channel in 0..<3 {
        spread[2 * channel] = Int16(row[6 * pair + channel])
        if 2 * pair + 1 < pixels { spread[2 * channel + 1] = Int16(row[6 * pair + 3 + channel]) }
      }
      pairs[pair] = spread
    }
  }

  private static func convolve(
    _ row: UnsafeMutableBufferPointer<SIMD8<Int16>>, firstPair: Int, _ weights: ResamplingWeights,
    into output: UnsafeMutableBufferPointer<UInt8>
  ) {
    // SAFETY: a run's pairs lie in the row, as weights are made for its length, and in `weights.pairs`.
    weights.pairs.withUnsafeBufferPointer { pairs in
      var next = 0
      for run in weights.runs {
        var sums = ResamplingSums()
        let start = run.firstPair &- firstPair
        for i in 0..<run.count { sums.add(row[start &+ i], times: pairs[run.offset &+ i]) }
        let samples = sums.samples
        for channel in 0..<3 { output[next &+ channel] = UInt8(truncatingIfNeeded: samples[channel]) }
        next &+= 3
      }
    }
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
          pairs.withUnsafeBufferPointer { Self.blend(source, from: start, stride: 3 * width, $0, into: row) }
        }
      }
      count = output.count
    }
    return PixelImage(trusted: target, rgb: samples)
  }

  /// One target row: source rows `stride` bytes apart, times the weights. Eight samples at a time, then the rest.
  private static func blend(
    _ source: UnsafeRawBufferPointer, from start: Int, stride: Int,
    _ pairs: UnsafeBufferPointer<ResamplingWeights.Pair>, into output: UnsafeMutableBufferPointer<UInt8>
  ) {
    var x = 0
    while x < output.count {
      let lanes = min(8, output.count - x)
      var left = ResamplingSums()
      var right = ResamplingSums()
      // SAFETY: the pairs' even rows exist, as weights are made for the number of rows; `odd` is checked.
      for i in 0..<pairs.count {
        let even = start &+ 2 &* stride &* i &+ x
        // The odd row of the last pair may not exist; its weight is 0.
        let odd = even &+ stride &+ lanes <= source.count ? even &+ stride : even
        var both = SIMD16<UInt8>()
        if lanes == 8 {
          both.evenHalf = source.loadUnaligned(fromByteOffset: even, as: SIMD8<UInt8>.self)
          both.oddHalf = source.loadUnaligned(fromByteOffset: odd, as: SIMD8<UInt8>.self)
        } else {
          for lane in 0..<lanes {
            both[2 * lane] = source[even + lane]
            both[2 * lane + 1] = source[odd + lane]
          }
        }
        left.add(SIMD8<Int16>(truncatingIfNeeded: both.lowHalf), times: pairs[i])
        right.add(SIMD8<Int16>(truncatingIfNeeded: both.highHalf), times: pairs[i])
      }
      let samples = SIMD8<UInt8>(truncatingIfNeeded: SIMD8(lowHalf: left.samples, highHalf: right.samples))
      for lane in 0..<lanes { output[x + lane] = samples[lane] }
      x += 8
    }
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
