import Foundation
import MultimodalPathway
import PathwayData
import PathwayMedia
import PathwayTraining
import TestSupport
import Testing

@Suite struct RandAugmentTests {
  private let sampling = PictureSampling(isCubic: true, fill: [124, 116, 104])

  private func parsed(_ text: String) throws -> RandAugment { try #require(RandAugment(text), "\(text)") }

  private func picture(_ height: Int, _ width: Int) throws -> PixelImage {
    var random = SeededGenerator(seed: 1)
    return try PixelImage(
      extent: Extent(height: height, width: width),
      rgb: (0..<height * width * 3).map { _ in UInt8(truncatingIfNeeded: random.next()) })
  }

  /// Steps of the pictures of many places.
  private func steps(_ text: String, places: Int = 20_000) throws -> [[RandAugment.Step]] {
    let randAugment = try parsed(text)
    return (0..<places).map { place in
      var random = RandomStream(seed: 5, place: place, .augmentation)
      return randAugment.steps(&random)
    }
  }

  @Test func readsTimmsText() throws {
    #expect(try parsed("rand") == RandAugment())
    var expected = RandAugment()
    (expected.magnitude, expected.deviation, expected.increases) = (9, 0.5, true)
    #expect(try parsed("rand-m9-mstd0.5-inc1") == expected)
    #expect(try parsed("rand-inc1-mstd0.5-m9") == expected)
    (expected.count, expected.probability, expected.limit) = (3, 0.25, 20)
    #expect(try parsed("rand-m9-n3-p0.25-mstd0.5-mmax20-inc1") == expected)
    expected.deviation = .infinity
    #expect(try parsed("rand-m9-n3-p0.25-mstd101-mmax20-inc1") == expected)
  }

  @Test(arguments: [
    "rand", "rand-m9-mstd0.5-inc1", "rand-m0-n16-p0.001-mstd100-mmax1", "rand-mstd1000", "rand-m7-mstd0.001-inc0",
  ])
  func descriptionsReadBackEqual(_ text: String) throws {
    let value = try parsed(text)
    #expect(RandAugment("\(value)") == value)
  }

  @Test(arguments: [
    "", "none ", "augmix-m3", "rand-", "rand-m", "rand-m9.5", "rand-m-9", "rand-m101", "rand-m9-m9", "rand-n0",
    "rand-p0", "rand-p1.5", "rand-p1e-1", "rand-p0x1", "rand-mstd0.0001", "rand-mstdinf", "rand-mmax0", "rand-inc2",
    "rand-tweights", "rand-w0", "Rand-m9", "rand m9", "rand-m+9", "rand-m9-inc1-", "rand-9",
  ])
  func otherTextsAreRefusedWithWhatIsKnown(_ text: String) throws {
    var recipe = Recipe()
    #expect {
      try recipe.set("rand_augment", to: text)
    } throws: { error in
      guard case TrainingError.badSetting("rand_augment", text, let expected) = error else { return false }
      return ["none", "rand", "m0", "n1", "p0.001", "mstd0", "mmax1", "inc0"].allSatisfy(expected.contains)
    }
    #expect(recipe.randAugment == nil)
  }

  @Test func noneIsTheDefaultAndIsNotWritten() throws {
    var recipe = Recipe()
    try recipe.set("rand_augment", to: "rand-m9")
    #expect(recipe.yaml.contains("rand_augment: rand-m9\n"))
    try recipe.set("rand_augment", to: "none")
    #expect(recipe == Recipe() && !recipe.yaml.contains("rand_augment"))
  }

  /// Binomial: of 40,000 draws, each is applied with probability 1/2 and is one of 15.
  @Test func everyOperationIsChosenEquallyOften() throws {
    let chosen = try steps("rand-m9-mstd0.5-inc1").flatMap { $0 }.map(\.operation)
    let counts = Dictionary(grouping: chosen) { $0 }.mapValues(\.count)
    let (draws, probability) = (40_000.0, 1.0 / 30)
    let deviation = (draws * probability * (1 - probability)).squareRoot()
    #expect(PictureOperation.allCases.count == 15)
    for operation in PictureOperation.allCases {
      #expect(abs(Double(counts[operation] ?? 0) - draws * probability) < 6 * deviation, "\(operation)")
    }
  }

  /// Draws are independent: both, one or none of two are applied.
  @Test func drawsAreAppliedWithTheirProbability() throws {
    let lengths = try steps("rand-p0.25").map(\.count)
    for (length, probability) in [0.5625, 0.375, 0.0625].enumerated() {
      let found = Double(lengths.count { $0 == length })
      #expect(abs(found - 20_000 * probability) < 6 * (20_000 * probability * (1 - probability)).squareRoot())
    }
    #expect(try steps("rand-p1-n5", places: 100).allSatisfy { $0.count == 5 })
  }

  @Test func everySecondArgumentIsNegative() throws {
    for operation in [PictureOperation.rotate, .shearX, .shearY, .translateX, .translateY] {
      let arguments = try steps("rand-m9-p1").flatMap { $0 }.filter { $0.operation == operation }.map(\.argument)
      let size = operation.argument(level: 9, increases: false)
      #expect(Set(arguments) == [-size, size])
      let (count, negative) = (Double(arguments.count), Double(arguments.count { $0 < 0 }))
      #expect(abs(negative - count / 2) < 6 * (count / 4).squareRoot(), "\(operation)")
    }
  }

  /// Brightness at level l is 0.1 + 0.18 l.
  private func levels(_ text: String) throws -> [Double] {
    try steps(text).flatMap { $0 }.filter { $0.operation == .brightness }.map { ($0.argument - 0.1) / 0.18 }
  }

  @Test func levelsAreNormalAndLimited() throws {
    let levels = try levels("rand-m5-mstd1-p1")
    let count = Double(levels.count)
    let mean = levels.reduce(0, +) / count
    let variance = levels.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    // The variance of a normal's sample variance is 2 / n.
    #expect(abs(mean - 5) < 6 / count.squareRoot() && abs(variance - 1) < 6 * (2 / count).squareRoot())
    let limited = try self.levels("rand-m9-mstd5-mmax10-p1")
    #expect(limited.allSatisfy { $0 > -1e-9 && $0 < 10 + 1e-9 })
    #expect(limited.contains { abs($0 - 10) < 1e-9 } && limited.contains { abs($0) < 1e-9 })
    #expect(try self.levels("rand-m12-mmax20-p1").allSatisfy { abs($0 - 12) < 1e-9 })
    #expect(try self.levels("rand-m12-p1").allSatisfy { abs($0 - 10) < 1e-9 })
  }

  @Test func levelsOfInfiniteDeviationAreUniform() throws {
    let levels = try levels("rand-m8-mstd101-p1")
    let (count, mean) = (Double(levels.count), levels.reduce(0, +) / Double(levels.count))
    #expect(levels.allSatisfy { $0 > -1e-9 && $0 < 8 + 1e-9 })
    #expect(abs(mean - 4) < 6 * 8 / (12 * count).squareRoot())
    #expect(levels.count { $0 < 2 } > 0 && levels.count { $0 > 6 } > 0)
  }

  @Test func stepsAreAppliedInOrder() throws {
    let (picture, randAugment) = (try picture(9, 14), try parsed("rand-m9-n4-mstd0.5-inc1"))
    for place in 0..<50 {
      let stream = RandomStream(seed: 2, place: place, .augmentation)
      var (one, other) = (stream, stream)
      var expected = picture
      for step in randAugment.steps(&one) { expected = try step.operation(expected, step.argument, sampling) }
      #expect(try randAugment(picture, sampling, &other) == expected)
      #expect(one.unit() == other.unit())
    }
  }

  @Test func theSameStreamGivesTheSamePicture() throws {
    let (picture, randAugment) = (try picture(9, 14), try parsed("rand-m9-n16-p1"))
    func changed(_ place: Int) throws -> PixelImage {
      var random = RandomStream(seed: 9, epoch: 2, place: place, .augmentation)
      return try randAugment(picture, sampling, &random)
    }
    #expect(try changed(7) == changed(7))
    #expect(try changed(7) != changed(8))
  }
}
