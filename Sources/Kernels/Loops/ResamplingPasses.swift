/// The inner loops of the two passes that resample 8-bit RGB pictures.
package enum ResamplingPasses {
  /// Lays neighbouring pixels p, q out as (p.r, q.r, p.g, q.g, p.b, q.b, -, -), so that one pair of weights serves
  /// them.
  package static func spreadPairs(
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

  /// One target row of RGB samples from the pairs of a source row.
  ///
  /// - Parameter firstPair: where `row` begins on the axis that the weights are made for.
  package static func convolve(
    _ row: UnsafeMutableBufferPointer<SIMD8<Int16>>, firstPair: Int, runs: [ResamplingRun], pairs: [ResamplingPair],
    into output: UnsafeMutableBufferPointer<UInt8>
  ) {
    // SAFETY: a run's pairs lie in the row, as weights are made for its length, and in `pairs`.
    pairs.withUnsafeBufferPointer { pairs in
      var next = 0
      for run in runs {
        var sums = ResamplingSums()
        let start = run.firstPair &- firstPair
        for i in 0..<run.count { sums.add(row[start &+ i], times: pairs[run.offset &+ i]) }
        let samples = sums.samples
        for channel in 0..<3 { output[next &+ channel] = UInt8(truncatingIfNeeded: samples[channel]) }
        next &+= 3
      }
    }
  }

  /// One target row: source rows `stride` bytes apart, times the weights. Eight samples at a time, then the rest.
  package static func blend(
    _ source: UnsafeRawBufferPointer, from start: Int, stride: Int,
    _ pairs: UnsafeBufferPointer<ResamplingPair>, into output: UnsafeMutableBufferPointer<UInt8>
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
}
