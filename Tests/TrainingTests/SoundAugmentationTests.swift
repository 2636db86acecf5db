import PathwayTraining
import Testing

@Suite struct SoundAugmentationTests {
  private let frames = 40
  private let bins = 24
  private let fill: Float = -7

  /// A window whose values are `value` of frame and bin, varied; by frame, then by bin.
  private func varied(
    _ augmentation: SoundAugmentation, place: Int, _ value: (_ frame: Int, _ bin: Int) -> Float
  ) -> [[Float]] {
    func index(_ frame: Int, _ bin: Int) -> Int {
      augmentation.isTransposed ? bin * frames + frame : frame * bins + bin
    }
    var values = [Float](repeating: 0, count: frames * bins)
    for frame in 0..<frames {
      for bin in 0..<bins { values[index(frame, bin)] = value(frame, bin) }
    }
    var random = RandomStream(seed: 1, place: place, .augmentation)
    values.withUnsafeMutableBufferPointer { augmentation($0, &random) }
    return (0..<frames).map { frame in (0..<bins).map { values[index(frame, $0)] } }
  }

  private func augmentation(
    _ isTransposed: Bool = false, frequency: Double = 0, time: Double = 0, noise: Double = 0
  ) -> SoundAugmentation {
    SoundAugmentation(
      frames: frames, bins: bins, isTransposed: isTransposed, fill: fill, frequencyMask: frequency, timeMask: time,
      noise: noise)
  }

  private func isRun(_ indices: [Int]) -> Bool { zip(indices, indices.dropFirst()).allSatisfy { $0 + 1 == $1 } }

  @Test(arguments: [false, true])
  func aMaskIsABandOfTheFillAndAStretchOfFrames(_ isTransposed: Bool) {
    for place in 0..<300 {
      let found = varied(augmentation(isTransposed, frequency: 0.5, time: 0.25), place: place) { _, _ in 1 }
      let masked = found.indices.filter { frame in found[frame].allSatisfy { $0 == fill } }
      #expect(isRun(masked) && masked.count < 10)
      let open = found.indices.filter { !masked.contains($0) }
      let band = (0..<bins).filter { found[open[0]][$0] == fill }
      #expect(isRun(band) && band.count < 12)
      for frame in open {
        #expect((0..<bins).allSatisfy { found[frame][$0] == (band.contains($0) ? fill : 1) }, "place \(place)")
      }
    }
  }

  /// The width is uniform in [0, 30), so that its whole part is uniform in 0..<30.
  @Test func masksHaveAllWidthsAndPlaces() {
    var (widths, first, last) = ([Int](repeating: 0, count: 30), 100, 0)
    for place in 0..<9000 {
      var random = RandomStream(seed: 2, place: place, .augmentation)
      let mask = SoundAugmentation.mask(100, largest: 0.3, &random)
      #expect(mask.lowerBound >= 0 && mask.upperBound <= 100 && mask.count < 30)
      widths[min(29, mask.count)] += 1
      (first, last) = (min(first, mask.lowerBound), max(last, mask.upperBound))
    }
    #expect(first == 0 && last >= 99)
    // Deviation sqrt(300).
    for width in widths { #expect(abs(width - 300) < 6 * 18) }
  }

  @Test(arguments: [false, true])
  func noiseIsAddedAndFramesAreMovedAround(_ isTransposed: Bool) {
    var distances: Set<Int> = []
    for place in 0..<400 {
      let found = varied(augmentation(isTransposed, noise: 0.5), place: place) { frame, _ in Float(frame) }
      let before = found.map { Int($0[0]) }
      let distance = (frames - before[0]) % frames
      #expect(before.indices.allSatisfy { before[($0 + distance) % frames] == $0 }, "place \(place)")
      for frame in found.indices {
        #expect(found[frame].allSatisfy { (0..<0.5).contains($0 - Float(before[frame])) })
      }
      #expect(Set(found.joined()).count > frames)
      distances.insert(distance >= frames / 2 ? distance - frames : distance)
    }
    #expect(distances == Set(-10..<10))
  }

  @Test func withoutSharesNothingChanges() {
    let found = varied(augmentation(), place: 1) { Float($0 * 100 + $1) }
    #expect(found == (0..<frames).map { frame in (0..<bins).map { Float(frame * 100 + $0) } })
  }
}
