import MultimodalPathway
import PathwayKernels

/// Frames of several channels as one channel: their mean, or one of them; with how much of the sound the mean keeps.
struct ChannelMix {
  let channels: Int
  /// The channel that is taken, from 0; nil for the mean of all.
  let channel: Int?
  private(set) var samples: [Float] = []
  /// Sums, and sums of squares, of every channel and then of the mean.
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
  /// - Returns: the first frame, counted from the file's first, whose sample is not finite; nil where all are.
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

  /// What share of the energy is left of what unrelated channels would leave; offsets do not count. 1 for one channel.
  ///
  /// Equal channels leave their number, unrelated ones 1, opposite ones 0.
  var keptShare: Double {
    guard channel == nil, channels > 1, !samples.isEmpty else { return 1 }
    let count = Double(samples.count)
    let energies = zip(sums, squares).map { max(0, $1 - $0 * $0 / count) }
    let all = energies.dropLast().reduce(0, +) / Double(channels * channels)
    // Below 24 bits there is nothing to lose.
    return all > 1e-14 * count ? energies[channels] / all : 1
  }
}
