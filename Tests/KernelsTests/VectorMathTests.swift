import Foundation
import PathwayKernelTemplates
import PathwayKernels
import TestSupport
import Testing

/// The error bounds of Templates/VectorMath.swift, over floats of every exponent and both signs.
@Suite struct VectorMathTests {
  /// Every 509th float, finite and infinite, and the neighbourhoods where functions change.
  private static let sweep: [Float] = {
    var x: [Float] = []
    for bits in stride(from: UInt32(0), through: 0x7F80_0000, by: 509) {
      x += [Float(bitPattern: bits), -Float(bitPattern: bits)]
    }
    for centre in [Float(127.49), 127, 126.5, 126, 4.99, 4.19, 1.5, 1, 0.5] {
      for step in 0..<4096 {
        let near = Float(bitPattern: centre.bitPattern - 2048 + UInt32(step))
        x += [near, -near]
      }
    }
    x += [.infinity, -.infinity]
    return x + [Float](repeating: 0, count: (64 - x.count % 64) % 64)
  }()

  private func values(_ function: Elementary, _ set: InstructionSet) throws -> [Float] {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    var y = [Float](repeating: .nan, count: Self.sweep.count)
    kernels.elementary(function, Self.sweep, &y, Self.sweep.count)
    return y
  }

  /// Error in units of the last place of the exact value; infinite if `found` is NaN.
  private func ulps(_ found: Float, _ exact: Double) -> Double {
    let error = abs(Double(found) - exact) / Double(Float(exact).ulp)
    return error.isNaN ? .infinity : error
  }

  @Test(arguments: InstructionSet.available)
  func powersOfTwo(_ set: InstructionSet) throws {
    var (worst, at) = (0.0, Float(0))
    for (x, y) in zip(Self.sweep, try values(.exp2, set)) where x <= 127.49 {
      let error: Double
      if x >= -126 {
        error = ulps(y, Foundation.exp2(Double(x)))
      } else if x < -126.5 {
        error = y == 0 ? 0 : .infinity
      } else {
        // Subnormal results are measured in half of the stated units; at the limit, 0 is correct too.
        let isEdge = x == -126.5 && y == 0
        error = isEdge ? 0 : abs(Double(y) - Foundation.exp2(Double(x))) / 0x1p-149
      }
      if error > worst { (worst, at) = (error, x) }
    }
    #expect(worst <= 2, "\(worst) at \(at)")
    // The stated bound is tight for this code.
    #expect(worst > 0.5)
  }

  @Test(arguments: InstructionSet.available)
  func powersOfTwoOfNarrow(_ set: InstructionSet) throws {
    var worst = WorstError()
    for (x, y) in zip(Self.sweep, try values(.exp2OfNarrow, set)) where x <= 127.49 {
      let exact = Foundation.exp2(Double(x))
      // Subnormal results are rounded to 2^-149, or are 0 below -126.5.
      let bound = x >= -126 ? 0x1p-18 * exact : x >= -126.5 ? 0x1p-18 * exact + 0x1p-149 : 0
      worst.note(y, x > -126.5 ? exact : x == -126.5 && y != 0 ? exact : 0, bound: bound, at: [])
    }
    #expect(worst.isWithinBound && worst.boundsAreMeaningful, "\(worst)")
  }

  @Test(arguments: InstructionSet.available, [(Elementary.gelu, 0x1p-21), (.geluOfNarrow, 0x1p-17)])
  func gelu(_ set: InstructionSet, _ stated: (function: Elementary, error: Double)) throws {
    var worst = WorstError()
    // Below 2^-100 the bound would be finer than subnormal numbers are.
    for (x, y) in zip(Self.sweep, try values(stated.function, set)) where x.magnitude >= 0x1p-100 && x.isFinite {
      let x = Double(x)
      worst.note(y, x / 2 * Foundation.erfc(-x / 2.0.squareRoot()), bound: stated.error * abs(x), at: [])
    }
    #expect(worst.isWithinBound && worst.boundsAreMeaningful, "\(worst)")
  }

  @Test(arguments: InstructionSet.available)
  func specialValues(_ set: InstructionSet) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    var x = [Float](repeating: 0, count: 16)
    x.replaceSubrange(0..<5, with: [.nan, .infinity, -.infinity, 0, -0.0])
    func values(_ function: Elementary) -> [Float] {
      var y = [Float](repeating: .nan, count: 16)
      kernels.elementary(function, x, &y, 16)
      return y
    }
    for power in [values(.exp2), values(.exp2OfNarrow)] {
      #expect(power[0].isNaN && power[2] == 0 && power[3] == 1 && power[4] == 1)
    }
    for gelu in [values(.gelu), values(.geluOfNarrow)] {
      #expect(gelu[0].isNaN && gelu[1] == .infinity && gelu[2].magnitude < 0x1p-14 && gelu[3] == 0 && gelu[4] == 0)
    }
  }
}
