import MultimodalPathway
import PathwayTraining
import TestSupport
import Testing

@Suite struct BatchMixingTests {
  private let size = Extent(height: 6, width: 4)

  private func mixed(_ choice: BatchMixing.Choice, batch: Int) -> (before: [Float], after: [Float]) {
    var random = SeededGenerator(seed: 1)
    let before = random.floats(batch * 72)
    var after = before
    after.withUnsafeMutableBufferPointer { values in
      BatchMixing.mix(values.baseAddress!, batch: batch, size: size, choice)
    }
    return (before, after)
  }

  @Test func mixupAddsTheSharesOfTheFirstAndTheLast() {
    let (before, after) = mixed(BatchMixing.Choice(share: 0.75, window: nil), batch: 3)
    for index in 0..<72 {
      let (first, last) = (before[index], before[144 + index])
      #expect(after[index] == Float(0.75) * first + Float(0.25) * last)
      #expect(after[144 + index] == Float(0.75) * last + Float(0.25) * first)
      #expect(after[72 + index] == before[72 + index])
    }
  }

  @Test func cutMixExchangesAPart() {
    let window = PictureAugmentation.Window(top: 1, left: 2, height: 3, width: 2)
    let (before, after) = mixed(BatchMixing.Choice(share: 0.75, window: window), batch: 2)
    for index in 0..<72 {
      let (row, column) = (index % 24 / 4, index % 4)
      let isInside = (1..<4).contains(row) && (2..<4).contains(column)
      #expect(after[index] == before[isInside ? 72 + index : index])
      #expect(after[72 + index] == before[isInside ? index : 72 + index])
    }
  }

  @Test func aPartsShareIsItsArea() {
    let mixing = BatchMixing(mixup: 0, cutmix: 1, seed: 2)
    for place in 0..<200 {
      guard let choice = mixing.choice(epoch: 1, place: place, size: Extent(square: 32)), let window = choice.window
      else {
        Issue.record("no part at \(place)")
        continue
      }
      #expect(choice.share == 1 - Double(window.height * window.width) / 1024)
      #expect(window.top >= 0 && window.top + window.height <= 32 && window.left + window.width <= 32)
    }
  }

  @Test func withoutAlphasNothingIsMixed() {
    #expect(BatchMixing(mixup: 0, cutmix: 0, seed: 1).choice(epoch: 0, place: 0, size: size) == nil)
  }

  @Test func halfOfTheBatchesAreCutWhereBothAreWanted() {
    let mixing = BatchMixing(mixup: 0.8, cutmix: 1, seed: 3)
    let cut = (0..<2000).count { mixing.choice(epoch: 0, place: $0, size: size)?.window != nil }
    // Deviation 22.
    #expect(abs(cut - 1000) < 6 * 22)
  }

  /// Beta(a, a) has mean 1/2 and variance 1 / (4 (2 a + 1)).
  @Test(arguments: [0.2, 0.8, 1, 3])
  func sharesHaveTheMomentsOfABetaDistribution(_ alpha: Double) {
    let mixing = BatchMixing(mixup: alpha, cutmix: 0, seed: 4)
    let shares = (0..<20_000).compactMap { mixing.choice(epoch: 0, place: $0, size: size)?.share }
    let mean = shares.reduce(0, +) / 2e4
    let variance = shares.reduce(0) { $0 + ($1 - 0.5) * ($1 - 0.5) } / 2e4
    // Deviations of the estimates, of numbers in 0...1: at most 0.5 / sqrt(n) and 0.125 / sqrt(n).
    #expect(abs(mean - 0.5) < 6 * 0.0036 && abs(variance - 1 / (4 * (2 * alpha + 1))) < 6 * 0.0009)
  }

  @Test func targetsAreMixedByTheSameShare() {
    let targets = ClassTargets(classCount: 3)([0, 1, 2], share: 0.75)
    #expect(targets == [0.75, 0, 0.25, 0, 1, 0, 0.25, 0, 0.75])
  }
}
