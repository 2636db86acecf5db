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

  /// Exact GELU, x Phi(x) = x/2 (1 + erf(x / sqrt 2)) (Hendrycks and Gimpel 2016, arXiv 1606.08415).
  ///
  /// Phi(x) - 1/2 is x P(u) on [-T, T], u = 2 x^2 / T^2 - 1: in u, which is in [-1, 1], the coefficients add up to 0.4,
  /// and Horner's rule loses nothing. Below -T, x counts as -T: the result is next to 0, not x times an error.
  /// - Maximum error: 2^-21 |x|; the relative error grows where the result vanishes, as in the formula itself.
  @inlinable @inline(__always)
  static func gelu(_ x: Vector) -> Vector {
    let lower = maximum(splat(-4.989_999_8), x)
    let inner = minimum(splat(4.989_999_8), lower)
    let u = multiplyAdd(splat(-1), inner * inner, splat(0.080_320_97))
    var p = splat(5.908_828_5e-4)
    p = multiplyAdd(splat(-1.570_877_6e-3), p, u)
    p = multiplyAdd(splat(1.694_335_4e-3), p, u)
    p = multiplyAdd(splat(-2.660_377_6e-3), p, u)
    p = multiplyAdd(splat(6.333_573_7e-3), p, u)
    p = multiplyAdd(splat(-1.105_462_4e-2), p, u)
    p = multiplyAdd(splat(1.630_626_1e-2), p, u)
    p = multiplyAdd(splat(-2.319_737_2e-2), p, u)
    p = multiplyAdd(splat(3.140_699_9e-2), p, u)
    p = multiplyAdd(splat(-4.045_985_6e-2), p, u)
    p = multiplyAdd(splat(5.159_333_3e-2), p, u)
    p = multiplyAdd(splat(-7.042_743_3e-2), p, u)
    p = multiplyAdd(splat(0.141_645_52), p, u)
    return lower * multiplyAdd(splat(0.5), inner, p)
  }

  /// The same for what becomes bfloat16 or int8, with four terms less.
  ///
  /// - Maximum error: 2^-17 |x|, 2^-9 of what rounding to bfloat16 may do.
  @inlinable @inline(__always)
  static func geluOfNarrow(_ x: Vector) -> Vector {
    let lower = maximum(splat(-4.19), x)
    let inner = minimum(splat(4.19), lower)
    let u = multiplyAdd(splat(-1), inner * inner, splat(0.113_920_52))
    var p = splat(2.146_283_2e-3)
    p = multiplyAdd(splat(-5.705_055_3e-3), p, u)
    p = multiplyAdd(splat(8.009_627_5e-3), p, u)
    p = multiplyAdd(splat(-1.358_554_7e-2), p, u)
    p = multiplyAdd(splat(2.488_458_3e-2), p, u)
    p = multiplyAdd(splat(-3.887_282_7e-2), p, u)
    p = multiplyAdd(splat(5.583_367_1e-2), p, u)
    p = multiplyAdd(splat(-8.162_570_7e-2), p, u)
    p = multiplyAdd(splat(0.168_245_09), p, u)
    return lower * multiplyAdd(splat(0.5), inner, p)
  }
}

/// The functions above by name, so that tests can measure them on every instruction set.
@frozen
public enum Elementary: Sendable {
  case exp, gelu, geluOfNarrow
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
    case .gelu: I.store(I.gelu(value), y + index)
    case .geluOfNarrow: I.store(I.geluOfNarrow(value), y + index)
    }
    index += I.lanes
  }
}
