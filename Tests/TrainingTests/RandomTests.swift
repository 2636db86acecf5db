import MultimodalPathway
import PathwayTraining
import TestSupport
import Testing

@Suite struct RandomTests {
  @Test func streamsDifferByEveryPartOfTheirName() {
    var seen: Set<Double> = []
    for seed in 0..<3 as Range<UInt64> {
      for epoch in 0..<3 {
        for place in 0..<3 {
          for purpose in [RandomStream.Purpose.order, .augmentation, .dropPath, .head] {
            var random = RandomStream(seed: seed, epoch: epoch, place: place, purpose)
            seen.insert(random.unit())
          }
        }
      }
    }
    #expect(seen.count == 3 * 3 * 3 * 4)
  }

  @Test func indicesAreEvenAndInRange() {
    var random = RandomStream(seed: 1, .order)
    var counts = [Int](repeating: 0, count: 7)
    for _ in 0..<70_000 { counts[random.index(below: 7)] += 1 }
    // A binomial of deviation 93.
    for count in counts { #expect(abs(count - 10_000) < 6 * 93) }
  }

  @Test func normalsHaveMean0AndDeviation1() {
    var random = RandomStream(seed: 2, .head)
    let values = (0..<100_000).map { _ in random.normal() }
    let mean = values.reduce(0, +) / 1e5
    let square = values.reduce(0) { $0 + $1 * $1 } / 1e5
    // Deviations 1 / sqrt(n), and sqrt(2 / n).
    #expect(abs(mean) < 6 * 0.0032 && abs(square - 1) < 6 * 0.0045)
  }

  @Test func everyEpochHasEverySampleOnceInAnotherOrder() throws {
    let order = try SampleOrder(count: 50, batch: 4, accumulate: 3, seed: 5)
    let (first, second) = (order(epoch: 0), order(epoch: 1))
    #expect(first.sorted() == Array(0..<50) && second.sorted() == Array(0..<50))
    #expect(first != second && first == order(epoch: 0) && first != Array(0..<50))
    #expect(try SampleOrder(count: 50, batch: 4, accumulate: 3, seed: 6)(epoch: 0) != first)
  }

  @Test func samplesAfterTheLastWholeStepAreLeftOut() throws {
    let order = try SampleOrder(count: 50, batch: 4, accumulate: 3, seed: 5)
    #expect(order.steps == 4)
    #expect(order.position(ofPass: 11) == (0, 44))
    #expect(order.position(ofPass: 12) == (1, 0))
  }

  @Test func aStepOfMoreFilesThanThereAreIsRefused() {
    #expect(throws: TrainingError.tooFewFiles(found: 5, batch: 3, accumulate: 2)) {
      try SampleOrder(count: 5, batch: 3, accumulate: 2, seed: 0)
    }
  }

  @Test func branchesAreDroppedAsOftenAsTheirBlockSays() {
    let drop = DropPath(rate: 0.3, depth: 4, seed: 1)
    for (block, expected) in [0, 0.1, 0.2, 0.3].enumerated() {
      #expect(abs(drop.probability(ofBlock: block) - expected) < 1e-15)
    }
    var dropped = [Int](repeating: 0, count: 8)
    for place in 0..<10_000 {
      for (branch, factor) in drop.factors(epoch: 2, place: place).enumerated() {
        #expect(factor == 0 || factor == Float(1 / (1 - drop.probability(ofBlock: branch / 2))))
        if factor == 0 { dropped[branch] += 1 }
      }
    }
    for (branch, count) in dropped.enumerated() {
      let probability = drop.probability(ofBlock: branch / 2)
      let deviation = (10_000 * probability * (1 - probability)).squareRoot()
      #expect(abs(Double(count) - 10_000 * probability) <= 6 * deviation)
    }
  }

  @Test func oneBlockIsDroppedAtTheWholeRate() {
    #expect(DropPath(rate: 0.3, depth: 1, seed: 1).probability(ofBlock: 0) == 0.3)
  }
}
