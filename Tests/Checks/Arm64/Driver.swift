import PathwayKernelTemplates

#if NEONBF16
  import PathwayKernelsNEONBF16
#elseif NEON
  import PathwayKernelsNEON
#else
  import PathwayKernelsBaseline
#endif

// Runs the kernels of a set on the cases of standard input, and compares with the results in Double that the host
// computed. Embedded Swift: the same sources of Sources/Kernels, without a runtime library for arm64. It compiles
// imported functions in the module that calls them, so there is a driver for each set, with the set's flags.

/// Floats between guards of NaN, whose halves are NaN of bfloat16.
struct Guarded {
  let base: UnsafeMutablePointer<Float>
  let count: Int
  private static let guards = 16
  private static let nan = Float(bitPattern: .max)

  init(_ count: Int) {
    self.count = count
    let all = UnsafeMutablePointer<Float>.allocate(capacity: count + 2 * Self.guards)
    all.initialize(repeating: Self.nan, count: count + 2 * Self.guards)
    base = all + Self.guards
  }

  /// Frees the memory; whether nothing was written outside.
  func free() -> Bool {
    var isWhole = true
    for index in 0..<Self.guards where !base[-1 - index].isNaN || !base[count + index].isNaN { isWhole = false }
    (base - Self.guards).deallocate()
    return isWhole
  }
}

/// The results of a case, and whether guards held.
struct Results {
  var values: [Double] = []
  var guardsHold = true
}

func bfloat16(_ value: Float) -> UInt16 {
  let bits = value.bitPattern
  return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
}

func load(_ base: UnsafeRawPointer, _ index: Int, isBFloat16: Bool) -> Double {
  if !isBFloat16 { return Double(base.load(fromByteOffset: index * 4, as: Float.self)) }
  return Double(Float(bitPattern: UInt32(base.load(fromByteOffset: index * 2, as: UInt16.self)) << 16))
}

/// Rows of float32 or bfloat16, `stride` words apart, zero to the end of the last word, then NaN.
func store(_ values: UnsafePointer<Float>, rows: Int, width: Int, isBFloat16: Bool, _ target: Guarded, stride: Int) {
  let bytes = UnsafeMutableRawPointer(target.base)
  for row in 0..<rows {
    for column in 0..<width {
      let value = values[row * width + column]
      let line = bytes + row * stride * 4
      if isBFloat16 {
        line.storeBytes(of: bfloat16(value), toByteOffset: column * 2, as: UInt16.self)
        if column == width - 1, width % 2 == 1 {
          line.storeBytes(of: 0, toByteOffset: width * 2, as: UInt16.self)
        }
      } else {
        line.storeBytes(of: value, toByteOffset: column * 4, as: Float.self)
      }
    }
  }
}

extension KernelTable {
  func products(_ precision: Int) -> ProductKernels { precision == 0 ? float32 : precision == 1 ? bfloat16 : int8 }
  func activations(_ precision: Int) -> ActivationKernels {
    precision == 1 ? bfloat16Activations : float32Activations
  }
}

extension CaseReader.Case {
  /// Integers: precision, m, n, k, kBlock, terms, parts of the epilogue (1 bias, 2 GELU, 4 gamma and residual, 8 C in
  /// bfloat16). Arrays: A (m, k), W (n, k), bias, gamma, residual (m, n), and of every term its scale and W'.
  func product(_ kernels: KernelTable) -> Results {
    let (precision, m, n, k) = (integers[0], integers[1], integers[2], integers[3])
    let (kBlock, terms, parts) = (integers[4], integers[5], integers[6])
    let products = kernels.products(precision)
    let (words, columns) = (products.words(k), kernels.panelColumns)
    let panels = (n + columns - 1) / columns
    let packed = Guarded(panels * columns * words)
    let (scales, sums) = (Guarded(panels * columns), Guarded(panels * columns))
    let packScratch = Guarded(packScratchCount(k: k, lanes: columns / 2))
    var folds = (0..<terms).map { FoldTerm(scale: floats(5 + 2 * $0)[0], weight: floats(6 + 2 * $0)) }
    folds.append(FoldTerm(scale: 0, weight: floats(1)))
    var destination = PackedPanels(words: packed.base)
    if precision == 2 { (destination.scales, destination.sums) = (scales.base, sums.base) }
    products.pack(floats(1), n, k, folds, terms, Span1D(0, panels), &destination, packScratch.base)

    let stride = words + 3
    let a = Guarded(m * stride)
    let rowScales = UnsafeMutablePointer<RowScale>.allocate(capacity: m)
    if precision == 2 {
      kernels.quantizeRows(floats(0), k * 4, false, a.base, stride, Span1D(0, m), k, rowScales)
    } else {
      store(floats(0), rows: m, width: k, isBFloat16: precision == 1, a, stride: stride)
    }
    let isNarrow = parts & 8 != 0
    // An even number of elements, so that rows of bfloat16 begin at words.
    let ldc = (n + 6) / 2 * 2
    let c = Guarded(m * ldc)
    var g = GEMMArguments(
      a: a.base, lda: stride, panels: packed.base, c: c.base, ldc: ldc, n: n, k: words, epilogue: Epilogue())
    if parts & 1 != 0 { g.epilogue.bias = floats(2) }
    g.epilogue.appliesGELU = parts & 2 != 0
    if parts & 4 != 0 {
      (g.epilogue.gamma, g.epilogue.residual, g.epilogue.residualStride) = (floats(3), floats(4), n)
    }
    g.epilogue.storesBFloat16 = isNarrow
    if precision == 2 {
      (g.rowScales, g.columnScales, g.columnSums) = (UnsafePointer(rowScales), .init(scales.base), .init(sums.base))
    }
    let scratch = Guarded(m * columns)
    products.gemm(&g, Span1D(0, panels), Span1D(0, m), kBlock, scratch.base)
    var results = Results()
    for row in 0..<m {
      for column in 0..<n { results.values.append(load(c.base, row * ldc + column, isBFloat16: isNarrow)) }
      // Of bfloat16, the other half of an odd row's last word is written.
      let first = isNarrow ? (n + 1) / 2 * 2 : n
      for column in first..<ldc where !load(c.base, row * ldc + column, isBFloat16: isNarrow).isNaN {
        results.guardsHold = false
      }
    }
    rowScales.deallocate()
    let whole = [packed, scales, sums, packScratch, a, c, scratch].map { $0.free() }
    results.guardsHold = results.guardsHold && whole.allSatisfy { $0 }
    return results
  }

  /// Integers: precision, tokens, size of a head, and of int8 the integers of a word. Arrays: q, k and v, (tokens, 3,
  /// size), and the scale.
  func attended(_ kernels: KernelTable) -> Results {
    let (precision, n, d) = (integers[0], integers[1], integers[2])
    let isNarrow = precision > 0
    let bytes = isNarrow ? 2 : 4
    let (stride, outputStride) = (isNarrow ? (3 * d + 1) / 2 + 1 : 3 * d + 1, isNarrow ? (d + 1) / 2 + 1 : d + 1)
    let (qkv, output) = (Guarded(n * stride), Guarded(n * outputStride))
    store(floats(0), rows: n, width: 3 * d, isBFloat16: isNarrow, qkv, stride: stride)
    let scratchCount =
      precision == 2
      ? IntegerAttentionScratch(
        tokens: n, headSize: d, panelColumns: kernels.panelColumns, tileRows: kernels.tileRows,
        perWord: kernels.int8.perWord
      ).count
      : attentionScratchCount(
        tokens: n, headSize: d, panelColumns: kernels.panelColumns, tileRows: kernels.tileRows)
    let scratch = Guarded(scratchCount)
    let q = UnsafeRawPointer(qkv.base)
    var arguments = AttentionArguments(
      q: q, k: q + d * bytes, v: q + 2 * d * bytes, stride: stride * 4, output: output.base,
      outputStride: outputStride * 4, tokens: n, headSize: d, scale: floats(1)[0])
    if precision == 2 {
      kernels.integerAttention(&arguments, Span1D(0, n), scratch.base)
    } else {
      kernels.activations(precision).attention(&arguments, Span1D(0, n), scratch.base)
    }
    var results = Results()
    for row in 0..<n {
      let line = UnsafeRawPointer(output.base + row * outputStride)
      for column in 0..<d { results.values.append(load(line, column, isBFloat16: isNarrow)) }
      if !output.base[(row + 1) * outputStride - 1].isNaN { results.guardsHold = false }
    }
    let whole = [qkv, output, scratch].map { $0.free() }
    results.guardsHold = results.guardsHold && whole.allSatisfy { $0 }
    return results
  }

  /// Integers: precision, rows, width. Arrays: x, gain, shift, epsilon.
  func normalized(_ kernels: KernelTable) -> Results {
    let (precision, rows, width) = (integers[0], integers[1], integers[2])
    let stride = precision == 1 ? (width + 1) / 2 + 1 : width + 1
    let y = Guarded(rows * stride)
    kernels.activations(precision).layerNorm(
      floats(0), width, y.base, stride, Span1D(0, rows), width, floats(1), floats(2),
      floats(3)[0])
    var results = Results()
    for row in 0..<rows {
      let line = UnsafeRawPointer(y.base + row * stride)
      for column in 0..<width { results.values.append(load(line, column, isBFloat16: precision == 1)) }
    }
    results.guardsHold = y.free()
    return results
  }

  /// Array: scores.
  func softmax(_ kernels: KernelTable) -> Results {
    let row = Guarded(resultCount)
    row.base.update(from: floats(0), count: resultCount)
    kernels.softmax(row.base, resultCount)
    var results = Results(values: (0..<resultCount).map { Double(row.base[$0]) })
    results.guardsHold = row.free()
    return results
  }

  /// Integer: the function. Array: x, of which a multiple of 16.
  func elementary(_ kernels: KernelTable) -> Results {
    let functions: [Elementary] = [.exp2, .exp2OfNarrow, .gelu, .geluOfNarrow, .geluSlope]
    let y = Guarded(resultCount)
    kernels.elementary(functions[integers[0]], floats(0), y.base, resultCount)
    var results = Results(values: (0..<resultCount).map { Double(y.base[$0]) })
    results.guardsHold = y.free()
    return results
  }

  /// Integers: rows, width. Array: x. Results: what the integers stand for.
  func quantized(_ kernels: KernelTable) -> Results {
    let (rows, width) = (integers[0], integers[1])
    let perWord = kernels.int8.perWord
    let stride = (width + perWord - 1) / perWord + 1
    let y = Guarded(rows * stride)
    let scales = UnsafeMutablePointer<RowScale>.allocate(capacity: rows)
    kernels.quantizeRows(floats(0), width * 4, false, y.base, stride, Span1D(0, rows), width, scales)
    var results = Results()
    for row in 0..<rows {
      let line = UnsafeRawPointer(y.base + row * stride)
      for column in 0..<width {
        let step =
          perWord == 4
          ? Int(line.load(fromByteOffset: column, as: UInt8.self))
          : Int(line.load(fromByteOffset: column * 2, as: Int16.self))
        results.values.append(Double(scales[row].scale) * Double(step) + Double(scales[row].offset))
      }
      if !y.base[(row + 1) * stride - 1].isNaN { results.guardsHold = false }
    }
    scales.deallocate()
    results.guardsHold = y.free() && results.guardsHold
    return results
  }

  /// Integers: count, samples. Arrays: x, y, z, and the squared distance from the origin up to which points are left out.
  func farthest(_ kernels: KernelTable) -> Results {
    let (count, samples) = (integers[0], integers[1])
    let distances = Guarded(count)
    let indices = Guarded(samples)
    indices.base.withMemoryRebound(to: Int32.self, capacity: samples) {
      kernels.farthestPoints(
        PointArrays(x: floats(0), y: floats(1), z: floats(2), count: count), samples, floats(3)[0], distances.base, $0)
    }
    var results = Results(values: (0..<samples).map { Double(Int32(bitPattern: indices.base[$0].bitPattern)) })
    let whole = [distances.free(), indices.free()]
    results.guardsHold = whole.allSatisfy { $0 }
    return results
  }

  /// Integers: count, neighbours. Arrays: x, y, z, place. Results: indices, then squared distances.
  func nearest(_ kernels: KernelTable) -> Results {
    let (count, neighbours) = (integers[0], integers[1])
    let (distances, indices) = (Guarded(neighbours), Guarded(neighbours))
    let scratch = Guarded(nearestScratchCount(neighbours: neighbours))
    let place = floats(3)
    indices.base.withMemoryRebound(to: Int32.self, capacity: neighbours) {
      kernels.nearestPoints(
        PointArrays(x: floats(0), y: floats(1), z: floats(2), count: count),
        Place(x: place[0], y: place[1], z: place[2]), neighbours, distances.base, $0, scratch.base)
    }
    var results = Results(values: (0..<neighbours).map { Double(Int32(bitPattern: indices.base[$0].bitPattern)) })
    results.values += (0..<neighbours).map { Double(distances.base[$0]) }
    let whole = [distances.free(), indices.free(), scratch.free()]
    results.guardsHold = whole.allSatisfy { $0 }
    return results
  }

  func results(_ kernels: KernelTable) -> Results {
    switch operation {
    case 0: product(kernels)
    case 1: attended(kernels)
    case 2: normalized(kernels)
    case 3: softmax(kernels)
    case 4: elementary(kernels)
    case 5: quantized(kernels)
    case 6: farthest(kernels)
    default: nearest(kernels)
    }
  }

  /// Attention in int8 depends on how many integers a word has: there is a case for each.
  func isFor(_ kernels: KernelTable) -> Bool {
    operation != 1 || integers[0] != 2 || integers[3] == kernels.int8.perWord
  }

  /// Rows of the log.
  var kind: Int { operation < 3 ? operation * 3 + integers[0] : operation + 6 }
}

let kinds: [StaticString] = [
  "products, float32", "products, bfloat16", "products, int8", "attention, float32", "attention, bfloat16",
  "attention, int8",
  "LayerNorm", "LayerNorm to bfloat16", "", "softmax", "exp2, GELU and its slope", "activations to int8",
  "farthest points", "nearest points",
]

/// What was compared of a kind of operation.
struct Summary {
  var (shapes, numbers, worst, failures) = (0, 0, 0.0, 0)
}

/// Runs all cases on a set; returns whether all results are right.
func check(_ name: StaticString, _ kernels: KernelTable, _ base: UnsafeRawPointer, count: Int) -> Bool {
  var reader = CaseReader(base: base, count: count)
  var summaries = kinds.map { _ in Summary() }
  var record = 0
  while let item = reader.next() {
    defer { record += 1 }
    guard item.isFor(kernels) else { continue }
    let found = item.results(kernels)
    var summary = summaries[item.kind]
    summary.shapes += 1
    summary.numbers += item.resultCount
    func complain(_ place: Int, _ value: Double, _ expected: Double, _ bound: Double) {
      summary.failures += 1
      if summary.failures <= 3 {
        driver_complain(name.text, kinds[item.kind].text, Int64(record), Int64(place), value, expected, bound)
      }
    }
    if !found.guardsHold { complain(-1, .nan, .nan, 0) }
    if found.values.count != item.resultCount { complain(-2, Double(found.values.count), Double(item.resultCount), 0) }
    for (place, value) in found.values.enumerated() where place < item.resultCount {
      let (expected, bound) = (item.expected[place], item.bounds[place])
      let error = value == expected ? 0 : (value - expected).magnitude
      // NaN is never within a bound.
      if !(error <= bound) { complain(place, value, expected, bound) }
      if error > 0 { summary.worst = max(summary.worst, error / bound) }
    }
    summaries[item.kind] = summary
  }
  var isRight = true
  for (kind, summary) in zip(kinds, summaries) where summary.shapes > 0 {
    driver_print(name.text, kind.text, Int64(summary.shapes), Int64(summary.numbers), summary.worst)
    if summary.failures > 0 { isRight = false }
  }
  return isRight && record > 0
}

extension StaticString {
  var text: UnsafePointer<CChar> { UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self) }
}

@main struct Driver {
  /// 0: all results are right; 1: some are not; 2: no input; 3: this processor does not have the set.
  static func main() {
    #if NEONBF16
      let (name, kernels, needed): (StaticString, _, _) = ("neonbf16", { NEONBF16.kernels }, mp_cpu_bf16 | mp_cpu_i8mm)
    #elseif NEON
      let (name, kernels, needed): (StaticString, _, _) = ("neon", { NEON.kernels }, 0)
    #else
      let (name, kernels, needed): (StaticString, _, _) = ("baseline", { Baseline.kernels }, 0)
    #endif
    guard Int(mp_cpu_features()) & needed == needed else { exit(3) }
    var count: Int64 = 0
    guard let cases = driver_read_input(&count) else { exit(2) }
    exit(check(name, kernels(), cases, count: Int(count)) ? 0 : 1)
  }
}
