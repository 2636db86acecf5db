// Elementary functions on vectors.
//
// Goals, in order: the stated error on every instruction set, no branch, few instructions. Rounding to an integer adds
// and subtracts 1.5 x 2^23 and powers of two are built by shifting exponent bits, because `.rounded` and
// float-to-integer conversion of Swift's SIMD types compile to scalar code. The coefficients are minimax fits (Lawson
// iteration on relative error) made for this file. The stated errors are enforced by
// Tests/KernelsTests/VectorMathTests.swift.

extension ISA {
  /// e^x.
  ///
  /// - Valid range: x <= 88.37; larger values give e^88.37. What rounds to n = -127, x < -126.5 ln 2 = -87.683, gives
  ///   exactly 0, though e^x is up to 2^-126.5 there; -infinity gives 0; NaN stays NaN.
  /// - Maximum error: 2 ULP for -87.33 <= x <= 88.37; from there to -87.683, where the result is subnormal, 2^-148.
  @inlinable @inline(__always)
  static func exp(_ x: Vector) -> Vector {
    // n = round(x / ln 2), r = x - n ln 2 with ln 2 in two parts, the first of 9 bits so that n times it is exact.
    let x = minimum(splat(88.37), maximum(splat(-88), x))
    let shifter = splat(12_582_912)
    let shifted = multiplyAdd(shifter, x, splat(1.442_695_04))
    let n = shifted - shifter
    var r = multiplyAdd(x, n, splat(-0.693_359_375))
    r = multiplyAdd(r, n, splat(2.121_944_40e-4))
    var p = splat(1.381_453_941_6e-03)
    p = multiplyAdd(splat(8.368_745_446_2e-03), p, r)
    p = multiplyAdd(splat(4.166_838_899_3e-02), p, r)
    p = multiplyAdd(splat(1.666_652_113_2e-01), p, r)
    p = multiplyAdd(splat(4.999_999_404e-01), p, r)
    let y = multiplyAdd(r + splat(1), p, r * r)
    // The low bits of `shifted` are 0x4B400000 + n; n = -127 leaves exponent bits 0, which is 0.0.
    let exponent = (bits(shifted) &- Bits(repeating: 0x4B40_0000 - 127)) &<< Bits(repeating: 23)
    return y * vector(exponent)
  }

  /// The error function, 2/sqrt(pi) times the integral of e^(-t^2) from 0 to x.
  ///
  /// An odd rational function x P(x^2) / Q(x^2), P and Q of degree 5, on [-3.95, 3.95], outside of which float32 rounds
  /// to +-1.
  /// - Valid range: all finite x and infinities; NaN stays NaN.
  /// - Maximum error: 8 ULP.
  @inlinable @inline(__always)
  static func erf(_ x: Vector) -> Vector {
    let x = minimum(splat(3.95), maximum(splat(-3.95), x))
    let s = x * x
    var p = splat(2.025_873_3e-06)
    p = multiplyAdd(splat(2.846_631_396e-04), p, s)
    p = multiplyAdd(splat(3.807_530_039_9e-03), p, s)
    p = multiplyAdd(splat(5.287_345_126_3e-02), p, s)
    p = multiplyAdd(splat(1.915_370_822e-01), p, s)
    p = multiplyAdd(splat(1.128_379_106_5), p, s)
    var q = splat(3.783_015_2e-05)
    q = multiplyAdd(splat(1.170_553_383_4e-03), q, s)
    q = multiplyAdd(splat(1.505_382_917_8e-02), q, s)
    q = multiplyAdd(splat(1.145_539_358_3e-01), q, s)
    q = multiplyAdd(splat(5.030_779_838_6e-01), q, s)
    q = multiplyAdd(splat(1), q, s)
    return minimum(splat(1), maximum(splat(-1), (x * p) / q))
  }

  /// Exact GELU, x/2 (1 + erf(x / sqrt 2)) (Hendrycks and Gimpel 2016, arXiv 1606.08415).
  ///
  /// - Maximum error: 2^-20 |x|; the relative error grows where the result vanishes, as in the formula itself.
  @inlinable @inline(__always)
  static func gelu(_ x: Vector) -> Vector {
    (splat(0.5) * x) * (splat(1) + erf(x * splat(0.707_106_78)))
  }
}

/// The functions above by name, so that tests can measure them on every instruction set.
@frozen
public enum Elementary: Sendable {
  case exp, erf, gelu
}

@inlinable @inline(__always)
public func elementary<I: ISA>(
  _: I.Type, _ function: Elementary, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int
) {
  var index = 0
  while index + I.lanes <= count {
    let value = I.load(x + index)
    switch function {
    case .exp: I.store(I.exp(value), y + index)
    case .erf: I.store(I.erf(value), y + index)
    case .gelu: I.store(I.gelu(value), y + index)
    }
    index += I.lanes
  }
}
