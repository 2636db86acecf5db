import Foundation
import PathwayKernelTemplates
import PathwayKernels
import TestSupport
import Testing

/// Parts of an epilogue in every combination, those that have loops of their own and those that share one, at every tail
/// of N.
@Suite struct EpilogueTests {
  private static let rows = 3
  private static let k = 4

  enum Activation: CaseIterable { case none, relu, gelu }

  /// On whole numbers, so that all but GELU is exact and bfloat16 rounds once; NaN beyond what may be read.
  @Test(arguments: InstructionSet.available, Activation.allCases)
  func combinationsAreWhatTheySay(_ set: InstructionSet, _ activation: Activation) throws {
    let engine = try Engine(threads: 1, instructionSet: set)
    var random = SeededGenerator(seed: 8)
    func numbers(_ count: Int) -> FloatBuffer {
      let buffer = FloatBuffer(uninitialized: count + 1)
      buffer.base.update(from: random.wholeNumbers(count) + [.nan], count: count + 1)
      return buffer
    }
    for n in 1...67 {
      let stride = n + 2
      let (a, weight) = (random.wholeNumbers(Self.rows * Self.k), random.wholeNumbers(n * Self.k))
      let (bias, gamma) = (numbers(n), numbers(n))
      let (addend, residual) = (numbers(Self.rows * stride), numbers(Self.rows * stride))
      for parts in 0..<64 {
        let has = (0..<6).map { parts >> $0 & 1 == 1 }
        let narrow = has[5]
        var c = [Float](repeating: .nan, count: Self.rows * stride)
        try linearProduct(
          LinearCase(m: Self.rows, n: n, k: Self.k), a: a, lda: Self.k, weight: weight, engine: engine, ldc: stride,
          c: &c
        ) {
          if has[0] { $0.scale = -2 }
          if has[1] { $0.bias = UnsafePointer(bias.base) }
          if has[2] { $0.gamma = UnsafePointer(gamma.base) }
          if has[3] { ($0.addend, $0.addendStride) = (UnsafePointer(addend.base), stride) }
          if has[4] { ($0.residual, $0.residualStride) = (UnsafePointer(residual.base), stride) }
          $0.storesBFloat16 = narrow
          $0.appliesReLU = activation == .relu
          $0.appliesGELU = activation == .gelu
        }
        var isRight = true
        for row in 0..<Self.rows {
          for column in 0..<stride {
            let at = row * stride + column
            let found = narrow ? Self.half(c, at) : c[at]
            guard column < n else {
              isRight = isRight && Self.isUntouched(found, narrow: narrow, column: column, n: n)
              continue
            }
            var sum = 0.0
            for step in 0..<Self.k { sum += Double(a[row * Self.k + step]) * Double(weight[column * Self.k + step]) }
            if has[0] { sum *= -2 }
            if has[3] { sum += Double(addend.base[at]) }
            if has[1] { sum += Double(bias.base[column]) }
            // Of gelu (Kernels/README.md); the product with gamma, and where it is not fused the residual, round as well.
            var bound = activation == .gelu ? 0x1p-21 * abs(sum) : 0
            switch activation {
            case .none: break
            case .relu: sum = max(sum, 0)
            case .gelu: sum = 0.5 * sum * erfc(-sum / 2.0.squareRoot())
            }
            let scale = has[2] ? Double(gamma.base[column]) : 1
            let shift = has[4] ? Double(residual.base[at]) : 0
            if activation == .gelu { bound = bound * abs(scale) + 0x1p-23 * (abs(sum * scale) + abs(shift)) }
            sum = sum * scale + shift
            if narrow, activation != .gelu { sum = Double(roundedToBFloat16(Float(sum))) }
            if narrow, activation == .gelu { bound += 0x1p-8 * (abs(sum) + bound) }
            isRight = isRight && abs(Double(found) - sum) <= bound
          }
        }
        #expect(isRight, "N \(n), parts \(has)")
      }
    }
  }

  /// The `index`-th bfloat16 in the memory of `words`.
  private static func half(_ words: [Float], _ index: Int) -> Float {
    let bits = words[index / 2].bitPattern
    return Float(bitPattern: (index % 2 == 0 ? bits & 0xFFFF : bits >> 16) << 16)
  }

  /// Beyond N is what was there, the halves of a NaN; but the other half of a last word of bfloat16 is 0.
  private static func isUntouched(_ found: Float, narrow: Bool, column: Int, n: Int) -> Bool {
    guard narrow else { return found.isNaN }
    if column == n, n % 2 == 1 { return found == 0 }
    return found.bitPattern == Float.nan.bitPattern & 0xFFFF_0000 || found.bitPattern == Float.nan.bitPattern << 16
  }
}
