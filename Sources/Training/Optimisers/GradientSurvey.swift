import PathwayKernels

/// What a step must know of all gradients before it changes a value: the gradients of the scales, the norm of
/// everything together, and whether all of it is finite.
///
/// With `W_hat = W + sum_m lambda_m W'_m` and `G = dL/dW_hat`, which is what the arena of gradients holds,
///
///     dL/dW        = G
///     dL/dW'_m     = lambda_m G              so ||dL/dW'_m||^2 = lambda_m^2 ||G||^2
///     dL/dlambda_m = sum(G W'_m)
///
/// and the same of biases that are combined. So G and W' are read once, and no gradient of W' is ever stored. Sums are
/// in Double, of fixed pieces in a fixed order: no bit depends on the number of threads. Nothing is allocated after
/// `init`.
final class GradientSurvey {
  /// The norm of the gradients of all that trains.
  private(set) var norm = 0.0
  /// Indices of the scales' spans, ascending.
  let scales: [Int]
  /// dL/dlambda by index of the scale's span; of other spans, 0.
  private(set) var scaleGradients: [Double]
  /// The first tensor whose gradient is NaN or infinite.
  private(set) var notFinite: String?

  private let arena: ParameterArena
  /// Of every piece: the sum of squares, then a product for each auxiliary.
  private var sums: [Double]
  private let width: Int

  init(_ arena: ParameterArena) {
    let table = arena.table
    self.arena = arena
    scales = table.spans.indices.filter { table.spans[$0].isScale }
    scaleGradients = [Double](repeating: 0, count: table.spans.count)
    width = 1 + (table.joints.values.map(\.members.count).max() ?? 0)
    sums = [Double](repeating: 0, count: table.pieces.count * width)
  }

  /// Reads all gradients.
  ///
  /// - Throws: `EngineError`.
  func run(engine: Engine) throws {
    let (arena, width) = (arena, width)
    try sums.withUnsafeMutableBufferPointer { sums in
      guard let base = sums.baseAddress else { return }
      var context = Context(arena: arena, sums: base, width: width)
      try engine.run(&context) { member, context in
        // SAFETY: the engine hands over `context`, which members only read.
        context.assumingMemoryBound(to: Context.self).pointee.run(&member)
      }
    }
    collect()
  }

  /// What the members of a survey share.
  private struct Context {
    let arena: ParameterArena
    let sums: UnsafeMutablePointer<Double>
    let width: Int

    func run(_ member: inout Member) {
      let (table, pieces) = (arena.table, arena.table.pieces)
      member.parallelFor(pieces.count) { index in
        let (target, start, count) = (pieces[index].target, pieces[index].start, pieces[index].count)
        let gradient = arena.gradients.base + table.spans[target].offset + start
        sums[index * width] = GradientSurvey.product(gradient, gradient, count)
        for (place, member) in (table.joints[target]?.members ?? []).enumerated() {
          let other = arena.value(table.spans[member.auxiliary]) + start
          sums[index * width + 1 + place] = GradientSurvey.product(gradient, other, count)
        }
      }
    }
  }

  /// Adds the pieces up, in their order.
  private func collect() {
    let table = arena.table
    var square = 0.0
    notFinite = nil
    for scale in scales { scaleGradients[scale] = 0 }
    for (index, piece) in table.pieces.enumerated() {
      let target = piece.target
      let own = sums[index * width]
      if !own.isFinite, notFinite == nil { notFinite = table.spans[target].name }
      if table.spans[target].trains { square += own }
      for (place, member) in (table.joints[target]?.members ?? []).enumerated() {
        scaleGradients[member.scale] += sums[index * width + 1 + place]
        guard table.spans[member.auxiliary].trains else { continue }
        let lambda = Double(arena.value(table.spans[member.scale]).pointee)
        square += lambda * lambda * own
      }
    }
    for scale in scales {
      let value = scaleGradients[scale]
      if !value.isFinite, notFinite == nil { notFinite = table.spans[scale].name }
      square += value * value
    }
    norm = square.squareRoot()
  }

  /// sum a_i b_i in Double, by eight sums of every eighth product that are added in their order.
  private static func product(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int) -> Double {
    var lanes = SIMD8<Double>()
    let whole = count / 8 * 8
    for start in stride(from: 0, to: whole, by: 8) {
      lanes += vector(a + start) * vector(b + start)
    }
    var sum = (0..<8).reduce(0.0) { $0 + lanes[$1] }
    for index in whole..<count { sum += Double(a[index]) * Double(b[index]) }
    return sum
  }

  // SAFETY: eight floats are at `p`.
  @inline(__always)
  private static func vector(_ p: UnsafePointer<Float>) -> SIMD8<Double> {
    SIMD8(
      Double(p[0]), Double(p[1]), Double(p[2]), Double(p[3]), Double(p[4]), Double(p[5]), Double(p[6]), Double(p[7]))
  }
}

extension ParameterTable {
  /// Whether a step reads the gradient of a tensor of the target: it trains, or a scale of its layer does.
  func reads(_ target: Int) -> Bool { spans[target].trains || joints[target] != nil }
}
