// Elementary functions on vectors.
//
// Goals, in order of priority: the stated error on every instruction set; no branch; few instructions. Rounding to an
// integer adds and subtracts a number near 1.5 x 2^23, and powers of two are built by shifting exponent bits, because
// `.rounded` and float-to-integer conversion of Swift's SIMD types compile to scalar code.
//
// The coefficients are minimax fits of the error that each function states. Tests/Fixtures/kernels/fit_polynomials.py
// computes the fits and proves the errors of the polynomials. Tests/KernelsTests/VectorMathTests.swift measures
// polynomial and rounding together on every set.

extension ISA {
  /// 2^x.
  ///
  /// - Max error: 2 ULP for x >= -126. 2^-148 for -126.5 <= x < -126, where the result is subnormal.
  /// - Valid range: x <= 127.49. Below -126.5 the result is exactly 0, though 2^x is up to 2^-126.5 there.
  /// - Special values: -infinity gives 0, NaN gives NaN.
  /// - Method: x = n + f; 1 + f P(f), P of degree 5, on [-1/2, 1/2], relative error 2^-25.8; times 2^n.
  @inlinable @inline(__always)
  static func exp2(_ x: Vector) -> Vector {
    let (f, power) = split(x)
    var p = splat(1.535_336_2e-4)
    p = multiplyAdd(splat(1.339_887_4e-3), p, f)
    p = multiplyAdd(splat(9.618_437e-3), p, f)
    p = multiplyAdd(splat(5.550_332_5e-2), p, f)
    p = multiplyAdd(splat(0.240_226_48), p, f)
    p = multiplyAdd(splat(0.693_147_2), p, f)
    return multiplyAdd(splat(1), p, f) * power
  }

  /// 2^x for results that are rounded to bfloat16.
  ///
  /// - Max error: 2^-18 of the result, 2^-9 of the error of rounding to bfloat16.
  /// - Valid range and special values: as of `exp2`.
  /// - Method: as of `exp2`, P of degree 3.
  @inlinable @inline(__always)
  static func exp2OfNarrow(_ x: Vector) -> Vector {
    let (f, power) = split(x)
    var p = splat(9.582_853e-3)
    p = multiplyAdd(splat(5.590_642_5e-2), p, f)
    p = multiplyAdd(splat(0.240_240_99), p, f)
    p = multiplyAdd(splat(0.693_124_2), p, f)
    return multiplyAdd(splat(1), p, f) * power
  }

  /// x = n + f, n the nearest whole number: f, which is exact, and 2^n.
  @inlinable @inline(__always)
  static func split(_ x: Vector) -> (f: Vector, power: Vector) {
    let x = maximum(splat(-127), x)
    // The low bits of `shifted` are n + 127, an exponent's; of n = -127 they are those of 0.0.
    let shifter = splat(12_582_912 + 127)
    let shifted = x + shifter
    return (x - (shifted - shifter), vector(bits(shifted) &<< Bits(repeating: 23)))
  }

  /// Exact GELU, x Phi(x) = x/2 (1 + erf(x / sqrt 2)), not the tanh form (Hendrycks and Gimpel 2016, arXiv 1606.08415).
  ///
  /// - Max error: 2^-21 |x|. The relative error grows where the result vanishes, as in the formula itself.
  /// - Valid range: all x. Below 2^-100 in absolute value, the error is at most one subnormal number.
  /// - Special values: infinity gives infinity, -infinity a number below 2^-14 in absolute value, NaN gives NaN.
  /// - Method: x (1/2 + x P(u)) on [-T, T], u = 2 x^2 / T^2 - 1, P of degree 12. For u in [-1, 1] the absolute values
  ///   of the coefficients add up to 0.4, and Horner's rule loses nothing. Below -T, x counts as -T, so that the result
  ///   is close to 0 and not x times an error.
  @inlinable @inline(__always)
  static func gelu(_ x: Vector) -> Vector {
    let lower = maximum(splat(-4.989_999_8), x)
    return lower * normalDistribution(minimum(splat(4.989_999_8), lower))
  }

  /// Phi(x), the distribution of a normal variable, within 2^-21 of it on [-T, T].
  @inlinable @inline(__always)
  static func normalDistribution(_ inner: Vector) -> Vector {
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
    return multiplyAdd(splat(0.5), inner, p)
  }

  /// The slope of `gelu`, Phi(x) + x phi(x), phi the density of a normal variable.
  ///
  /// - Max error: 2^-20, absolute: 2^-21 of Phi, 2^-22 of x phi(x), which is at most 0.25, 2^-24 of their sum, which is
  ///   at most 1.13.
  /// - Valid range: all x. Beyond T the distribution counts as that of T.
  /// - Special values: infinity and NaN give NaN.
  @inlinable @inline(__always)
  static func geluSlope(_ x: Vector) -> Vector {
    let inner = minimum(splat(4.989_999_8), maximum(splat(-4.989_999_8), x))
    // x phi(x) = x / sqrt(2 pi) 2^(-x^2 log2(e) / 2)
    let density = splat(0.398_942_3) * exp2(x * x * splat(-0.721_347_5))
    return multiplyAdd(normalDistribution(inner), x, density)
  }

  /// GELU for results that are rounded to bfloat16 or int8.
  ///
  /// - Max error: 2^-17 |x|; rounding to bfloat16 is up to 2^-9 of the result.
  /// - Valid range and special values: as of `gelu`.
  /// - Method: as of `gelu`, P of degree 8 and T = 4.19.
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
  case exp2, exp2OfNarrow, gelu, geluOfNarrow, geluSlope
}

@inlinable @inline(__always)
public func elementary<I: ISA>(
  _: I.Type, _ function: Elementary, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int
) {
  var index = 0
  while index + I.lanes <= count {
    let value = I.load(x + index)
    switch function {
    case .exp2: I.store(I.exp2(value), y + index)
    case .exp2OfNarrow: I.store(I.exp2OfNarrow(value), y + index)
    case .gelu: I.store(I.gelu(value), y + index)
    case .geluOfNarrow: I.store(I.geluOfNarrow(value), y + index)
    case .geluSlope: I.store(I.geluSlope(value), y + index)
    }
    index += I.lanes
  }
}
