import Foundation
import PathwayKernelTemplates
import PathwayKernels
import TestSupport
import Testing

/// All combinations of an epilogue's parts, with loops of their own or a shared one, in every format and at every tail
/// of N.
@Suite struct EpilogueTests {
  private static let rows = 3
  private static let k = 4

  enum Activation: CaseIterable { case none, relu, gelu }

  /// On numbers that are exact in every format, with so few digits that only GELU, and one rounding to bfloat16, is
  /// inexact; NaN around the operands.
  @Test(arguments: InstructionSet.available, [Precision.float32, .bfloat16, .int8])
  func combinationsMatchTheirDefinitions(_ set: InstructionSet, _ precision: Precision) throws {
    let engine = try Engine(threads: 1, instructionSet: set)
    var random = SeededGenerator(seed: 8)
    func numbers(_ count: Int) -> FloatBuffer {
      let buffer = FloatBuffer(uninitialized: count + 1)
      buffer.base.update(from: random.wholeNumbers(count) + [.nan], count: count + 1)
      return buffer
    }
    for n in 1...67 {
      let stride = n + 2
      let shape = LinearCase(m: Self.rows, n: n, k: Self.k)
      // int8's scales are 2^-10 for a and 2^-6 for weights.
      let a = (0..<Self.rows).flatMap { _ in
        let low = -abs(random.wholeNumbers(1, upTo: 128)[0])
        return ([low, low + 255] + random.wholeNumbers(2, upTo: 127).map { low + 127 + $0 }).map { $0 * 0x1p-10 }
      }
      let weight = (0..<n).flatMap { _ in
        (random.wholeNumbers(Self.k - 1, upTo: 127) + [-127]).map { $0 * 0x1p-6 }
      }
      let (bias, gamma) = (numbers(n), numbers(n))
      let (addend, residual) = (numbers(Self.rows * stride), numbers(Self.rows * stride))
      for (activation, parts) in Activation.allCases.flatMap({ kind in (0..<64).map { (kind, $0) } }) {
        let has = (0..<6).map { parts >> $0 & 1 == 1 }
        let narrow = has[5]
        var c = [Float](repeating: .nan, count: Self.rows * stride)
        var epilogue = Epilogue()
        if has[0] { epilogue.scale = -2 }
        if has[1] { epilogue.bias = UnsafePointer(bias.base) }
        if has[2] { epilogue.gamma = UnsafePointer(gamma.base) }
        if has[3] { (epilogue.addend, epilogue.addendStride) = (UnsafePointer(addend.base), stride) }
        if has[4] { (epilogue.residual, epilogue.residualStride) = (UnsafePointer(residual.base), stride) }
        epilogue.storesBFloat16 = narrow
        epilogue.appliesReLU = activation == .relu
        epilogue.appliesGELU = activation == .gelu
        if precision == .float32 {
          try linearProduct(shape, a: a, lda: Self.k, weight: weight, engine: engine, ldc: stride, c: &c) {
            $0 = epilogue
          }
        } else {
          try narrowProduct(
            shape, a: a, weight: weight, precision, engine: engine, ldc: stride, c: &c, epilogue: epilogue)
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
            // The error of gelu (Kernels/README.md); the product with gamma rounds too, and an unfused residual.
            let error = precision == .float32 ? 0x1p-21 : 0x1p-17
            var bound = activation == .gelu ? error * abs(sum) : 0
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
        #expect(isRight, "N \(n), parts \(has), \(activation)")
      }
    }
  }

  /// The `index`-th bfloat16 in the memory of `words`.
  private static func half(_ words: [Float], _ index: Int) -> Float {
    let bits = words[index / 2].bitPattern
    return Float(bitPattern: (index % 2 == 0 ? bits & 0xFFFF : bits >> 16) << 16)
  }

  /// Elements beyond N are unchanged, the halves of a NaN; the other half of a last word of bfloat16 is 0.
  private static func isUntouched(_ found: Float, narrow: Bool, column: Int, n: Int) -> Bool {
    guard narrow else { return found.isNaN }
    if column == n, n % 2 == 1 { return found == 0 }
    return found.bitPattern == Float.nan.bitPattern & 0xFFFF_0000 || found.bitPattern == Float.nan.bitPattern << 16
  }
}
