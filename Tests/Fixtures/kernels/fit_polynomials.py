#!/usr/bin/env python3
"""The polynomials of Sources/Kernels/Templates/VectorMath.swift: their derivation, and a proof of their error.

    pip install mpmath
    python3 Tests/Fixtures/kernels/fit_polynomials.py

Each is the polynomial P of the given degree that minimises the largest |w(t) (g(t) - P(t))| over an interval
(Remez's exchange algorithm, in 30 digits), with coefficients rounded to float32:

    exp2    2^f = 1 + f P(f),           f in [-1/2, 1/2],  relative error: w = |f| 2^-f
    gelu    Phi(x) = 1/2 + x P(u),      u = 2 x^2 / T^2 - 1 in [-1, 1],  error of gelu(x) / x: w = |x|

For every function the script prints the distance of the coefficients of VectorMath.swift from this fit, in units of the
last place, and a proven upper bound of the error of the polynomial with the coefficients of the file. It fails if that
bound exceeds the error that the file states; for exp2, whose rounding in float32 takes most of the stated 2 ulp, if it
exceeds 2^-25. Tests/KernelsTests/VectorMathTests.swift measures polynomial and rounding together.
"""
import re
import sys
from pathlib import Path

import mpmath as mp

mp.mp.dps = 30
SOURCE = Path(__file__).parents[3] / "Sources/Kernels/Templates/VectorMath.swift"
HALF = mp.mpf(1) / 2


def minimax(g, weight, low, high, count):
    """Coefficients, of ascending powers, of the best polynomial with `count` of them, and its largest weighted error."""
    middle, radius = (low + high) / 2, (high - low) / 2
    # Slightly off centre: no first point may have weight 0.
    points = [middle + radius * (mp.cos(mp.pi * (count - i) / count) * mp.mpf("0.998") + mp.mpf("0.0013"))
              for i in range(count + 1)]
    steps = 3000
    grid = [low + (high - low) * mp.mpf(i) / steps for i in range(steps + 1)]
    known = [(t, weight(t), g(t)) for t in grid]
    for _ in range(20):
        matrix, right = mp.matrix(count + 1, count + 1), mp.matrix(count + 1, 1)
        for row, t in enumerate(points):
            for power in range(count):
                matrix[row, power] = weight(t) * t**power
            matrix[row, count] = (-1) ** row
            right[row] = weight(t) * g(t)
        solution = mp.lu_solve(matrix, right)
        coefficients, level = list(solution)[:count], abs(solution[count])
        errors = [w * (value - mp.polyval(coefficients[::-1], t)) for t, w, value in known]
        extrema = []
        for index, error in enumerate(errors):
            if error == 0:
                continue
            if extrema and mp.sign(errors[extrema[-1]]) == mp.sign(error):
                if abs(error) > abs(errors[extrema[-1]]):
                    extrema[-1] = index
            else:
                extrema.append(index)
        while len(extrema) > count + 1:
            extrema.pop(0 if abs(errors[extrema[0]]) < abs(errors[extrema[-1]]) else -1)
        assert len(extrema) == count + 1, "the exchange lost an extremum"

        def refined(index):
            """The extremum near a point of the grid, by a parabola."""
            if index in (0, steps):
                return grid[index]
            a, b, c = errors[index - 1 : index + 2]
            return grid[index] + (a - c) / (a - 2 * b + c) / 2 * (high - low) / steps

        points = [refined(index) for index in extrema]
        top = max(abs(errors[index]) for index in extrema)
        if top - level < level * mp.mpf("1e-6"):
            break
    return coefficients, top


def float32(value):
    """The nearest float32: 24 significant bits."""
    mantissa, exponent = mp.frexp(value)
    return mp.ldexp(mp.nint(mp.ldexp(mantissa, 24)), exponent - 24)


def ulp(value):
    return mp.ldexp(1, mp.frexp(value)[1] - 24)


def constants(function):
    """The numbers of a function of VectorMath.swift that Horner's rule takes, of ascending powers, and the others."""
    body = re.search(rf"static func {function}\(_ x: Vector\).*?\n  }}", SOURCE.read_text(), re.S).group()
    number = r"splat\((-?[0-9_.e-]+)\)"
    horner = re.findall(rf"var p = {number}|p = multiplyAdd\({number}, p", body)
    value = lambda text: float32(mp.mpf(text.replace("_", "")))
    others = [value(text) for text in re.findall(number, re.sub(r".*p = .*", "", body))]
    return [value(a or b) for a, b in horner][::-1], others


def bound(error, derivative, second, low, high, steps=40_000):
    """An upper bound of |error| over an interval: Taylor's theorem around the points of a grid, given the derivative and
    a bound of the second one."""
    half = (high - low) / steps / 2
    points = (low + 2 * half * i for i in range(steps + 1))
    return max(abs(error(t)) + abs(derivative(t)) * half for t in points) + second * half**2 / 2


def report(function, found, fitted, level, proven, allowed):
    distance = max(abs(a - float32(b)) / ulp(a) for a, b in zip(found, fitted))
    power = lambda value: f"2^{mp.nstr(mp.log(value, 2), 5)}"
    print(f"{function:13} {len(found)} coefficients, at most {mp.nstr(distance, 2)} ulp from the fit; error of the fit "
          f"{power(level)}, of the file's coefficients at most {power(proven)}, allowed {power(allowed)}")
    return proven <= allowed


def exp2(function, count, allowed):
    def g(f):
        return (mp.mpf(2) ** f - 1) / f if f else mp.log(2)

    fitted, level = minimax(g, lambda f: abs(f) * mp.mpf(2) ** -f, -HALF, HALF, count)
    found, _ = constants(function)
    q = [mp.mpf(1)] + found  # 1 + f P(f)
    value = lambda f, c: mp.polyval(c[::-1], f)
    slope = [j * c for j, c in enumerate(q)][1:]
    error = lambda f: 1 - value(f, q) * mp.mpf(2) ** -f
    derivative = lambda f: (mp.log(2) * value(f, q) - value(f, slope)) * mp.mpf(2) ** -f
    # q, q' and q'' are below 1.5, 1.1 and 0.8 in absolute value, 2^-f below 1.5.
    return report(function, found, fitted, level, bound(error, derivative, mp.mpf(5), -HALF, HALF), allowed)


def gelu(function, count, allowed):
    found, others = constants(function)
    top = max(abs(value) for value in others)  # T
    scale = min(abs(value) for value in others)  # 2 / T^2

    def g(u):
        x = top * mp.sqrt((u + 1) / 2)
        return mp.erf(x / mp.sqrt(2)) / 2 / x if x else 1 / mp.sqrt(2 * mp.pi)

    fitted, level = minimax(g, lambda u: top * mp.sqrt((u + 1) / 2), mp.mpf(-1), mp.mpf(1), count)
    slope = [j * c for j, c in enumerate(found)][1:]
    u = lambda x: scale * x * x - 1
    value = lambda x, c: mp.polyval(c[::-1], u(x))
    error = lambda x: mp.erf(x / mp.sqrt(2)) / 2 - x * value(x, found)
    derivative = lambda x: mp.npdf(x) - value(x, found) - 2 * scale * x * x * value(x, slope)
    # (x P(u))'' = 3 u'' x P' + u'^2 x P'', with u' = 2 scale x and u'' = 2 scale; Phi'' is below 1/4.
    first, second = (sum(abs(factor(j, k) * c) for j, c in enumerate(found)) for k in (1, 2))
    curvature = mp.mpf(1) / 4 + 6 * scale * top * first + 4 * scale**2 * top**3 * second
    inside = bound(error, derivative, curvature, mp.mpf(0), top)
    # Beyond T the polynomial stays at v = 1/2 - T P(1) from 1 or, below -T, from 0. There, Phi is between 0 and Phi(-T)
    # away from these.
    v = HALF - top * value(top, found)
    outside = max(abs(v), abs(v - mp.erfc(top / mp.sqrt(2)) / 2))
    return report(function, found, fitted, level, max(inside, outside), allowed)


def factor(j, k):
    """j or j (j - 1): what differentiating t^j once or twice multiplies by."""
    return j if k == 1 else j * (j - 1)


results = [
    exp2("exp2", 6, mp.mpf(2) ** -25),
    exp2("exp2OfNarrow", 4, mp.mpf(2) ** -18),
    gelu("gelu", 13, mp.mpf(2) ** -21),
    gelu("geluOfNarrow", 9, mp.mpf(2) ** -17),
]
sys.exit(0 if all(results) else 1)
