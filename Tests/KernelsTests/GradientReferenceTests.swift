import Foundation
import TestSupport
import Testing

/// The Double gradients that kernels are compared with, next to differences of the operations in Double.
@Suite struct GradientReferenceTests {
  /// Differences of fourth order with steps of 1e-3 are within 1e-9 of a derivative of numbers near 1.
  private static let tolerance = 1e-8

  private static func doubles(_ count: Int, _ random: inout SeededGenerator) -> [Double] {
    random.floats(count, in: -2...2).map(Double.init)
  }

  private static func rows(_ values: [Double], _ width: Int) -> [[Double]] {
    stride(from: 0, to: values.count, by: width).map { Array(values[$0..<$0 + width]) }
  }

  private static func expectClose(_ found: [Double], _ expected: [Double]) {
    #expect(found.count == expected.count)
    for (index, pair) in zip(found, expected).enumerated() {
      #expect(abs(pair.0 - pair.1) <= tolerance * max(1, abs(pair.1)), "\(index): \(pair)")
    }
  }

  @Test func theSlopeOfGELUIsItsDerivative() {
    for step in -40...40 {
      let x = Double(step) * 0.2
      let found = differences([x]) { 0.5 * $0[0] * erfc(-$0[0] * 0.5.squareRoot()) }
      Self.expectClose(found, [geluSlope(x)])
    }
  }

  @Test func theGradientOfLayerNormIsItsDerivative() {
    var random = SeededGenerator(seed: 1)
    for width in [1, 2, 5, 9] {
      let (x, dy) = (Self.doubles(width, &random), Self.doubles(width, &random))
      let (gain, shift) = (Self.doubles(width, &random), Self.doubles(width, &random))
      func loss(_ x: [Double], _ gain: [Double], _ shift: [Double]) -> Double {
        let (mean, inverse) = normStatistics(x, epsilon: 0.1)
        return x.indices.reduce(0) { $0 + dy[$1] * ((x[$1] - mean) * inverse * gain[$1] + shift[$1]) }
      }
      let (dx, dgain, dshift) = layerNormGradient(x, dy: dy, gain: gain, epsilon: 0.1)
      Self.expectClose(dx.map(\.value), differences(x) { loss($0, gain, shift) })
      Self.expectClose(dgain.map(\.value), differences(gain) { loss(x, $0, shift) })
      Self.expectClose(dshift, differences(shift) { loss(x, gain, $0) })
    }
  }

  @Test(arguments: [1, 2, 5])
  func theGradientOfAttentionIsItsDerivative(queries: Int) {
    var random = SeededGenerator(seed: 2)
    let (n, d) = (5, 3)
    let (q, k, v) = (
      Self.doubles(n * d, &random), Self.doubles(n * d, &random), Self.doubles(n * d, &random)
    )
    let dout = Self.rows(Self.doubles(queries * d, &random), d)
    func loss(_ q: [Double], _ k: [Double], _ v: [Double]) -> Double {
      let (keys, values) = (Self.rows(k, d), Self.rows(v, d))
      return (0..<queries).reduce(0) { sum, query in
        let output = attention(query: Self.rows(q, d)[query], keys: keys, values: values, scale: 0.6)
        return sum + zip(dout[query], output).reduce(0) { $0 + $1.0 * $1.1.value }
      }
    }
    let found = attentionGradient(
      q: Self.rows(q, d), k: Self.rows(k, d), v: Self.rows(v, d), dout: dout, scale: 0.6)
    Self.expectClose(found.dq.flatMap { $0.map(\.value) }, differences(q) { loss($0, k, v) })
    Self.expectClose(found.dk.flatMap { $0.map(\.value) }, differences(k) { loss(q, $0, v) })
    Self.expectClose(found.dv.flatMap { $0.map(\.value) }, differences(v) { loss(q, k, $0) })
  }
}
