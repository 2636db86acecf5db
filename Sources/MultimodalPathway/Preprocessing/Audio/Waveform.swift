/// Sound of one channel; full scale is 1.
public struct Waveform: Sendable, Equatable {
  /// Samples a second.
  public let rate: Int
  /// Samples in the order of time.
  public let samples: [Float]

  /// Sound of `samples`, `rate` of them a second.
  public init(_ samples: [Float], rate: Int) {
    self.rate = rate
    self.samples = samples
  }

  /// Seconds.
  public var duration: Double { Double(samples.count) / Double(rate) }

  /// The same without its mean, which is summed in double and rounded once.
  public var centered: Waveform {
    let mean = Float(samples.reduce(0.0) { $0 + Double($1) } / Double(max(1, samples.count)))
    return Waveform(samples.map { $0 - mean }, rate: rate)
  }
}
