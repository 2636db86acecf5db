import Foundation
import PathwayKernelTemplates
import PathwayKernels

/// Kaldi's log-mel filter bank (HTK-compatible): 25 ms frames every 10 ms, each without its mean, pre-emphasised by
/// 0.97, under a Hann window, its power spectrum summed under triangles that are equally wide in mel from 20 Hz to half
/// the rate, and the logarithm of that; no dither, no energy; only whole frames (`snip_edges`).
///
/// Goals, in order: Kaldi's numbers, the same bits for any cut of the samples, speed. What is done to samples, and the
/// triangles, follow Kaldi's arithmetic in float32 operation by operation (`feature-window.cc`, `mel-computations.cc`
/// of kaldi-native-fbank): both decide the digits of quiet bins. The discrete Fourier transform is a product with a
/// fixed matrix on this package's GEMM. About its middle a frame x is the sum of an even and an odd half, and its power
/// spectrum that of a frame shifted by half its length:
///
///     |X_k|^2 = (sum_j (x_j + x_L-1-j) cos t_jk)^2 + (sum_j (x_j - x_L-1-j) sin t_jk)^2,  j < L / 2
///     t_jk = 2 pi k (j - (L - 1) / 2) / P,  P = the power of two not below L
///
/// which takes half the operations of the transform as it is written.
///
/// One float32 product would leave the noise of its roundings in bins a hundred thousand times weaker than the loudest,
/// where Kaldi has none (up to 5e-4 of the logarithm on speech). So both factors are cut in two, x = x1 + x2 and
/// c = c1 + c2, x1 and c1 of so few bits that all partial sums of x1 c1 are whole numbers below 2^24 of their unit:
/// that product is exact. The rest, x1 c2 + x2 c, is 2^-8 as large at 16 kHz, and so are its roundings.
public struct FilterBank: Sendable {
  /// Samples a second.
  public let rate: Int
  /// Triangles: values of a frame.
  public let bins: Int
  /// Samples of a frame.
  public let frameLength: Int
  /// Samples from one frame's start to the next.
  public let frameShift: Int
  private let engine: Engine
  private let window: [Float]
  private let cosines: SplitMatrix
  private let sines: SplitMatrix
  private let triangles: [MelTriangle]

  /// P: what the transform's frequencies divide the circle into.
  private var transformLength: Int { Self.transformLength(frameLength) }
  /// j: samples of a half.
  private var halfLength: Int { (frameLength + 1) / 2 }
  /// k: frequencies below half the rate, which itself no triangle reaches.
  private var frequencies: Int { transformLength / 2 }

  /// Samples a second that models can have. The memory of the transform grows with their square: 44 MB at 64 kHz,
  /// more than 2 GB at 768 kHz.
  static let rates = 1000...64_000
  static let expectedRates = "1000...64000"

  /// - Parameters:
  ///   - rate: 1,000...64,000 samples a second.
  ///   - bins: 1...1,024 triangles.
  /// - Throws: `AudioError.invalid` for other numbers; `EngineError`.
  public init(rate: Int, bins: Int, engine: Engine) throws {
    guard Self.rates.contains(rate) else {
      throw AudioError.invalid(key: "sample_rate", found: "\(rate)", expected: Self.expectedRates)
    }
    guard (1...1024).contains(bins) else {
      throw AudioError.invalid(key: "bins", found: "\(bins)", expected: "1...1024 mel bins")
    }
    self.rate = rate
    self.bins = bins
    self.engine = engine
    frameLength = Int(Double(rate) * 0.001 * 25)
    frameShift = Int(Double(rate) * 0.001 * 10)
    let length = frameLength
    window = (0..<length).map { Float(0.5 - 0.5 * cos(2 * Double.pi * Double($0) / Double(length - 1))) }
    let half = (length + 1) / 2
    let transform = Self.transformLength(length)
    func matrix(_ function: (Double) -> Double) throws -> SplitMatrix {
      let values = (0..<transform / 2).flatMap { k in
        (0..<half).map { j in function(Double.pi * Double(k) * Double(2 * j - (length - 1)) / Double(transform)) }
      }
      return try SplitMatrix(values, rows: transform / 2, columns: half, engine: engine)
    }
    cosines = try matrix { Foundation.cos($0) }
    sines = try matrix { Foundation.sin($0) }
    triangles = MelTriangle.all(bins, rate: rate, transformLength: transform)
  }

  private static func transformLength(_ frameLength: Int) -> Int {
    1 << (Int.bitWidth - (frameLength - 1).leadingZeroBitCount)
  }

  /// Whole frames in that many samples.
  public func frameCount(_ samples: Int) -> Int {
    samples < frameLength ? 0 : 1 + (samples - frameLength) / frameShift
  }

  /// Features of all whole frames, (frames, bins).
  ///
  /// - Throws: `EngineError`.
  /// - Complexity: O(frames x P^2 / 2) multiply-adds; memory for 512 frames and the result.
  public func callAsFunction(_ samples: [Float]) throws -> [Float] {
    let count = frameCount(samples.count)
    return try [Float](unsafeUninitializedCapacity: count * bins) { features, initialized in
      try samples.withUnsafeBufferPointer { samples in
        guard let source = samples.baseAddress, let target = features.baseAddress, count > 0 else { return }
        try run(source, frames: count, into: target)
      }
      initialized = count * bins
    }
  }

  /// Frames whose spectra are in memory at once.
  private static let block = 512

  private func run(_ samples: UnsafePointer<Float>, frames: Int, into features: UnsafeMutablePointer<Float>) throws {
    let rows = min(frames, Self.block)
    let kernels = engine.kernels
    let width = 2 * halfLength
    let scratchCount = LinearProduct.scratchCount(kernels, k: width)
    let (even, odd) = (FloatBuffer(count: rows * width), FloatBuffer(count: rows * width))
    let (real, imaginary) = (FloatBuffer(count: rows * frequencies), FloatBuffer(count: rows * frequencies))
    let frame = FloatBuffer(count: engine.threads * frameLength)
    let scratch = FloatBuffer(count: engine.threads * scratchCount)
    // SAFETY: members write disjoint rows, frames and scratch, each phase ends at a barrier, sizes are those above, and
    // the buffers are kept until all members are done.
    try engine.run { member in
      for first in stride(from: 0, to: frames, by: rows) {
        let count = min(rows, frames - first)
        let index = member.index
        member.parallelFor(count) { row in
          halve(
            samples + (first + row) * frameShift, frame.base + index * frameLength, even: even.base + row * width,
            odd: odd.base + row * width)
        }
        for (matrix, input, output) in [(cosines, even, real), (sines, odd, imaginary)] {
          matrix.multiply(
            &member, kernels, input.base, rows: count, into: output.base, scratch: scratch.base + index * scratchCount)
        }
        member.parallelFor(count) { row in
          let (re, im) = (real.base + row * frequencies, imaginary.base + row * frequencies)
          for k in 0..<frequencies { re[k] = re[k] * re[k] + im[k] * im[k] }
          for (bin, triangle) in triangles.enumerated() {
            features[(first + row) * bins + bin] = log(max(triangle.sum(re), Float.ulpOfOne))
          }
        }
      }
    }
    withExtendedLifetime((even, odd, real, imaginary, frame, scratch)) {}
  }

  /// One frame as Kaldi prepares it, and the two parts of its even and of its odd half, (2, L / 2) each.
  @inline(__always)
  private func halve(
    _ samples: UnsafePointer<Float>, _ frame: UnsafeMutablePointer<Float>, even: UnsafeMutablePointer<Float>,
    odd: UnsafeMutablePointer<Float>
  ) {
    var sum: Float = 0
    for index in 0..<frameLength { sum += samples[index] }
    let mean = sum / Float(frameLength)
    for index in 0..<frameLength { frame[index] = samples[index] - mean }
    for index in stride(from: frameLength - 1, to: 0, by: -1) { frame[index] -= 0.97 * frame[index - 1] }
    frame[0] -= 0.97 * frame[0]
    var loudest: Float = 0
    window.withUnsafeBufferPointer { window in
      for index in 0..<frameLength {
        frame[index] *= window[index]
        loudest = max(loudest, abs(frame[index]))
      }
    }
    let shifter = cosines.shifter(loudest)
    for j in 0..<halfLength {
      let (left, right) = (frame[j], frame[frameLength - 1 - j])
      let (coarseLeft, coarseRight) = ((left + shifter) - shifter, (right + shifter) - shifter)
      let (fineLeft, fineRight) = (left - coarseLeft, right - coarseRight)
      // The middle of an odd number of samples is its own mirror.
      let isMiddle = 2 * j == frameLength - 1
      even[j] = isMiddle ? coarseLeft : coarseLeft + coarseRight
      even[halfLength + j] = isMiddle ? fineLeft : fineLeft + fineRight
      odd[j] = coarseLeft - coarseRight
      odd[halfLength + j] = fineLeft - fineRight
    }
  }
}

/// A triangle over frequencies, equally wide on the mel scale, 1127 ln(1 + f / 700).
struct MelTriangle: Sendable {
  /// The first frequency that it weighs.
  let first: Int
  let weights: [Float]

  /// Energy under the triangle.
  @inline(__always)
  func sum(_ power: UnsafePointer<Float>) -> Float {
    var sum: Float = 0
    for index in weights.indices { sum += weights[index] * power[first + index] }
    return sum
  }

  private static func mel(_ frequency: Float) -> Float { 1127 * log(1 + frequency / 700) }

  /// All triangles from 20 Hz to half the rate.
  static func all(_ count: Int, rate: Int, transformLength: Int) -> [MelTriangle] {
    let width = Float(rate) / Float(transformLength)
    let low = mel(20)
    let step = (mel(0.5 * Float(rate)) - low) / Float(count + 1)
    return (0..<count).map { bin in
      let (left, center, right) = (low + Float(bin) * step, low + Float(bin + 1) * step, low + Float(bin + 2) * step)
      let weights = (0..<transformLength / 2).map { index -> Float in
        let place = mel(width * Float(index))
        guard place > left, place < right else { return 0 }
        return place <= center ? (place - left) / (center - left) : (right - place) / (right - center)
      }
      let first = weights.firstIndex { $0 > 0 } ?? 0
      let last = weights.lastIndex { $0 > 0 } ?? first - 1
      return MelTriangle(first: first, weights: first <= last ? Array(weights[first...last]) : [])
    }
  }
}
