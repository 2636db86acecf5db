import MultimodalPathway
import PathwayKernels

/// Frames of several channels as one channel: their mean, or one of them. Measures the share of sound in the mean.
struct ChannelMix {
  let channels: Int
  /// The selected channel, from 0; nil: the mean of all.
  let channel: Int?
  private(set) var samples: [Float] = []
  /// Sums of every channel and, last, of the mean; and sums of squares.
  private var sums: [Double]
  private var squares: [Double]

  init(channels: Int, channel: Int?) {
    self.channels = channels
    self.channel = channel
    sums = [Double](repeating: 0, count: channels + 1)
    squares = sums
  }

  /// Makes room for more frames.
  ///
  /// - Throws: `MemoryError`.
  mutating func reserve(_ frames: Int) throws {
    let wanted = samples.count + frames
    guard wanted > samples.capacity else { return }
    let capacity = max(wanted, SystemMemory.product(2, samples.count))
    try SystemMemory.require(SystemMemory.product(capacity, 4), for: .file)
    samples.reserveCapacity(capacity)
  }

  /// Adds interleaved frames.
  ///
  /// - Returns: the first frame of the file whose sample is not finite; nil if all are finite.
  mutating func add(_ frames: ArraySlice<Float>) -> Int? {
    var place = frames.startIndex
    while place < frames.endIndex {
      let frame = frames[place..<place + channels]
      place += channels
      let sample: Float
      if let channel {
        sample = frame[frame.startIndex + channel]
      } else {
        sample = frame.reduce(0, +) / Float(channels)
        if channels > 1 { count(frame, sample) }
      }
      guard sample.isFinite else { return samples.count }
      samples.append(sample)
    }
    return nil
  }

  private mutating func count(_ frame: ArraySlice<Float>, _ mean: Float) {
    for (channel, value) in frame.enumerated() {
      sums[channel] += Double(value)
      squares[channel] += Double(value) * Double(value)
    }
    sums[channels] += Double(mean)
    squares[channels] += Double(mean) * Double(mean)
  }

  /// The energy of the mean relative to that of unrelated channels, without offsets; 1 for one channel.
  ///
  /// For n equal channels it is n, for unrelated ones 1, for opposite ones 0.
  var keptShare: Double {
    guard channel == nil, channels > 1, !samples.isEmpty else { return 1 }
    let count = Double(samples.count)
    let energies = zip(sums, squares).map { max(0, $1 - $0 * $0 / count) }
    let all = energies.dropLast().reduce(0, +) / Double(channels * channels)
    // Below 24 bits nothing is lost.
    return all > 1e-14 * count ? energies[channels] / all : 1
  }
}
