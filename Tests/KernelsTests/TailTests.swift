import PathwayKernelTemplates
import PathwayKernels
import TestSupport
import Testing

/// Every kernel at every tail, with numbers whose results are exact: compared by `==`, with NaN around operands and
/// results.
@Suite struct TailTests {
  private func kernels(_ set: InstructionSet) throws -> KernelTable {
    try Engine(threads: 1, instructionSet: set).kernels
  }

  /// Query t selects the key p(t): scores 128 (2 p k - k^2) have their maximum there, 128 above the next one, and
  /// e^-128 is 0.
  @Test(arguments: InstructionSet.available)
  func attentionPicksRows(_ set: InstructionSet) throws {
    let kernels = try kernels(set)
    var random = SeededGenerator(seed: 21)
    for tokens in Array(1...36) + [63, 64, 65, 255, 256, 257, 290] {
      for size in tokens <= 36 ? Array(2...36) + [63, 64, 65] : [2, 33, 64, 128] {
        let (stride, outStride) = (3 * size + 1, size + 3)
        var qkv = [Float](repeating: .nan, count: tokens * stride)
        let picks = (0..<tokens).shuffled(using: &random)
        for token in 0..<tokens {
          let row = token * stride
          qkv.replaceSubrange(row..<row + 2 * size, with: [Float](repeating: 0, count: 2 * size))
          qkv[row] = Float(2 * picks[token])
          qkv[row + 1] = -1
          qkv[row + size] = Float(token)
          qkv[row + size + 1] = Float(token * token)
          qkv.replaceSubrange(row + 2 * size..<row + 3 * size, with: random.wholeNumbers(size, upTo: 1000))
        }
        let count = attentionScratchCount(
          tokens: tokens, headSize: size, panelColumns: kernels.panelColumns, tileRows: kernels.tileRows)
        var scratch = [Float](repeating: .nan, count: count + 16)
        var output = [Float](repeating: .nan, count: (tokens + 1) * outStride)
        var weights = [Float](repeating: .nan, count: tokens * tokens + 8)
        // The first query is excluded: its row must not change.
        let queries = Span1D(tokens > 1 ? 1 : 0, tokens)
        qkv.withUnsafeBufferPointer { qkv in
          output.withUnsafeMutableBufferPointer { output in
            let base = qkv.baseAddress!
            var arguments = AttentionArguments(
              q: base, k: base + size, v: base + 2 * size, stride: 4 * stride,
              output: output.baseAddress!, outputStride: 4 * outStride, tokens: tokens, headSize: size, scale: 128)
            kernels.float32Activations.attention(&arguments, queries, &scratch)
            kernels.float32Activations.attentionProbabilities(&arguments, queries, &weights, &scratch)
          }
        }
        var isRight = scratch[count...].allSatisfy(\.isNaN)
        for row in 0...tokens {
          for column in 0..<outStride {
            let found = output[row * outStride + column]
            if row < queries.start || row == tokens || column >= size {
              isRight = isRight && found.isNaN
            } else {
              isRight = isRight && found == qkv[picks[row] * stride + 2 * size + column]
            }
          }
        }
        for row in queries.start..<tokens {
          for key in 0..<tokens {
            let weight = weights[(row - queries.start) * tokens + key]
            isRight = isRight && weight == (key == picks[row] ? 1 : 0)
          }
        }
        isRight = isRight && weights[((tokens - queries.start) * tokens)...].allSatisfy(\.isNaN)
        #expect(isRight, "\(tokens) tokens, head size \(size)")
      }
    }
  }

  /// Equal scores for a power of two of keys give the mean, exactly. Head size 1 too.
  @Test(arguments: InstructionSet.available)
  func attentionOfNothingIsTheMean(_ set: InstructionSet) throws {
    let kernels = try kernels(set)
    var random = SeededGenerator(seed: 22)
    for tokens in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] {
      for size in [1, 2, 7, 16, 33] {
        let v = random.wholeNumbers(tokens * size, upTo: 1000)
        let zeros = [Float](repeating: 0, count: tokens * size)
        var output = [Float](repeating: .nan, count: tokens * size)
        var scratch = [Float](
          repeating: .nan,
          count: attentionScratchCount(
            tokens: tokens, headSize: size, panelColumns: kernels.panelColumns, tileRows: kernels.tileRows))
        zeros.withUnsafeBufferPointer { zeros in
          v.withUnsafeBufferPointer { v in
            output.withUnsafeMutableBufferPointer { output in
              var arguments = AttentionArguments(
                q: zeros.baseAddress!, k: zeros.baseAddress!, v: v.baseAddress!, stride: 4 * size,
                output: output.baseAddress!, outputStride: 4 * size, tokens: tokens, headSize: size, scale: 1)
              kernels.float32Activations.attention(&arguments, Span1D(0, tokens), &scratch)
            }
          }
        }
        for column in 0..<size {
          let sum = (0..<tokens).reduce(Float(0)) { $0 + v[$1 * size + column] }
          let found = (0..<tokens).map { output[$0 * size + column] }
          #expect(found.allSatisfy { $0 == sum / Float(tokens) }, "\(tokens) tokens, head size \(size)")
        }
      }
    }
  }

  /// Rows of +-4 have mean 0 and deviation 4; rows of one number give the shift.
  @Test(arguments: InstructionSet.available)
  func layerNorm(_ set: InstructionSet) throws {
    let kernels = try kernels(set)
    var random = SeededGenerator(seed: 23)
    for width in 1...70 {
      let (stride, outStride) = (width + 5, width + 2)
      let (gain, shift) = (random.wholeNumbers(width), random.wholeNumbers(width))
      var x = [Float](repeating: .nan, count: 4 * stride)
      for row in 0..<4 {
        for column in 0..<width {
          x[row * stride + column] = width % 2 == 1 ? 8 : (column + row) % 2 == 0 ? 4 : -4
        }
      }
      var y = [Float](repeating: .nan, count: 4 * outStride)
      // The epsilon is lost in the variance of 16.
      kernels.float32Activations.layerNorm(x, stride, &y, outStride, Span1D(1, 3), width, gain, shift, 0x1p-40)
      var inPlace = x
      inPlace.withUnsafeMutableBufferPointer {
        kernels.float32Activations.layerNorm(
          $0.baseAddress!, stride, $0.baseAddress!, stride, Span1D(1, 3), width, gain, shift, 0x1p-40)
      }
      var isRight = true
      for row in 0..<4 {
        for column in 0..<outStride {
          let found = y[row * outStride + column]
          if row == 0 || row == 3 || column >= width {
            isRight = isRight && found.isNaN
          } else {
            let normal: Float = width % 2 == 1 ? 0 : (column + row) % 2 == 0 ? 1 : -1
            let expected = normal * gain[column] + shift[column]
            isRight = isRight && found == expected && inPlace[row * stride + column] == expected
          }
        }
      }
      #expect(isRight, "width \(width)")
    }
  }

  @Test(arguments: InstructionSet.available)
  func softmax(_ set: InstructionSet) throws {
    let kernels = try kernels(set)
    for count in 1...70 {
      for top in 0..<count {
        var row = [Float](repeating: -200, count: count) + [.nan, .nan]
        row[top] = 300
        kernels.softmax(&row, count)
        let isRight = (0..<count).allSatisfy { row[$0] == ($0 == top ? 1 : 0) }
        #expect(isRight && row[count].isNaN && row[count + 1].isNaN, "\(count) scores, \(top)")
      }
      guard count.nonzeroBitCount == 1 else { continue }
      var row = [Float](repeating: 7, count: count)
      kernels.softmax(&row, count)
      #expect(row == [Float](repeating: 1 / Float(count), count: count))
    }
  }

  @Test(arguments: InstructionSet.available)
  func pooling(_ set: InstructionSet) throws {
    let kernels = try kernels(set)
    var random = SeededGenerator(seed: 24)
    for width in 1...70 {
      for rows in [1, 2, 4, 8] {
        let stride = width + 3
        var x = [Float](repeating: .nan, count: rows * stride)
        for row in 0..<rows {
          x.replaceSubrange(row * stride..<row * stride + width, with: random.wholeNumbers(width, upTo: 512))
        }
        var mean = [Float](repeating: .nan, count: width + 1)
        var maximum = mean
        kernels.pool(x, stride, rows, width, false, &mean)
        kernels.pool(x, stride, rows, width, true, &maximum)
        var isRight = mean[width].isNaN && maximum[width].isNaN
        for column in 0..<width {
          let values = (0..<rows).map { x[$0 * stride + column] }
          isRight = isRight && mean[column] == values.reduce(0, +) / Float(rows) && maximum[column] == values.max()
        }
        #expect(isRight, "\(rows) x \(width)")
      }
    }
  }

  /// Panels of weights at odd addresses, with two pathways of whole scales.
  @Test(arguments: InstructionSet.available)
  func packingAndFolding(_ set: InstructionSet) throws {
    let kernels = try kernels(set)
    let width = kernels.panelColumns
    var random = SeededGenerator(seed: 25)
    for (n, k) in (1...70).map({ ($0, 5) }) + (1...70).map({ (3, $0) }) {
      let matrices = (0..<3).map { _ in random.wholeNumbers(n * k) }
      let stored = matrices.map { values in
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: values.count * 4 + 1, alignment: 4)
        values.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: bytes[1...]).copyMemory(from: $0) }
        return bytes
      }
      defer { for bytes in stored { bytes.deallocate() } }
      let pointers = stored.map { UnsafeRawPointer($0.baseAddress! + 1).assumingMemoryBound(to: Float.self) }
      let terms = [FoldTerm(scale: 2, weight: pointers[1]), FoldTerm(scale: -3, weight: pointers[2])]
      let expected = (0..<n * k).map { matrices[0][$0] + 2 * matrices[1][$0] - 3 * matrices[2][$0] }
      let panels = (n + width - 1) / width
      var packed = [Float](repeating: .nan, count: panels * width * k + 4)
      var folded = [Float](repeating: .nan, count: n * k + 4)
      var packScratch = [Float](repeating: .nan, count: kernels.packScratchCount(k: k))
      packed.withUnsafeMutableBytes { packed in
        var place = PackedPanels(words: packed.baseAddress!)
        kernels.float32.pack(pointers[0], n, k, terms, 2, Span1D(0, panels), &place, &packScratch)
      }
      kernels.fold(pointers[0], terms, 2, n * k, &folded)
      var isRight = packed[(panels * width * k)...].allSatisfy(\.isNaN) && folded[(n * k)...].allSatisfy(\.isNaN)
      isRight = isRight && Array(folded.prefix(n * k)) == expected
      for panel in 0..<panels {
        for step in 0..<k {
          for column in 0..<width {
            let row = panel * width + column
            let value = row < n ? expected[row * k + step] : 0
            isRight = isRight && packed[(panel * k + step) * width + column] == value
          }
        }
      }
      #expect(isRight, "\(n) x \(k)")
    }
  }

  @Test(arguments: InstructionSet.available, [Precision.float32, .bfloat16])
  func patches(_ set: InstructionSet, _ precision: Precision) throws {
    let kernels = try kernels(set)
    for (ph, pw, down, across) in [(1, 1, 3, 5), (2, 3, 2, 4), (7, 16, 1, 3), (14, 14, 2, 2), (5, 33, 3, 1)] {
      let channels = 3
      let (height, width, size) = (ph * down, pw * across, channels * ph * pw)
      // Numbers that are exact in bfloat16.
      let image = (0..<channels * height * width).map { Float($0 % 251) }
      let elements = precision == .float32 ? 1 : 2
      let stride = kernels.products(precision).words(size) + 3
      // All bits: NaN in either format.
      let untouched = Float(bitPattern: .max)
      var rows = [Float](repeating: untouched, count: down * across * stride)
      kernels.activations(precision).gatherPatches(
        image, channels, height, width, ph, pw, Span1D(1, down * across), &rows, stride)
      var isRight = true
      rows.withUnsafeBytes { rows in
        for patch in 0..<down * across {
          let row = StoredRow(rows.baseAddress! + patch * stride * 4, count: stride * elements, precision).values
          for index in row.indices {
            if patch == 0 || index >= size {
              isRight = isRight && row[index].isNaN
            } else {
              let (c, y, x) = (index / (ph * pw), index / pw % ph, index % pw)
              let corner = patch / across * ph * width + patch % across * pw
              isRight = isRight && row[index] == Double(image[c * height * width + corner + y * width + x])
            }
          }
        }
      }
      #expect(isRight, "\(ph) x \(pw)")
    }
  }
}
