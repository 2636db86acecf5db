import PathwayData
import Testing

/// Shares of right answers, of values that are checked by hand.
@Suite struct MetricsTests {
  @Test func topKCountsRanks() {
    var found = TopKAccuracy(classCount: 3)
    found.note(scores: [0.1, 0.7, 0.2] as [Float], actual: 1)  // first
    found.note(scores: [0.1, 0.7, 0.2] as [Float], actual: 2)  // second
    found.note(scores: [0.5, 0.5, 0.5] as [Float], actual: 2)  // third of equals
    found.note(scores: [0.1, .nan, -0.2] as [Float], actual: 1)  // NaN is last
    #expect(found.total == 4)
    #expect((0...3).map { found.accuracy($0) } == [0, 0.25, 0.5, 1])
    #expect(TopKAccuracy(classCount: 3).accuracy(1).isNaN)
  }

  /// Class 0: right, wrong, right gives (1 + 2/3) / 2; class 1: all equal, 1 of 3; class 2: never right.
  @Test func averagePrecisionsAreAveragedOverTheClassesThatOccur() {
    var found = AveragePrecision(classCount: 3)
    found.note(scores: [0.9, 0.5, 0.1] as [Float], actual: [0])
    found.note(scores: [0.8, 0.5, 0.2] as [Float], actual: [])
    found.note(scores: [0.7, 0.5, 0.3] as [Float], actual: [0, 1])
    #expect(found(0) == 0.5 * 1 + 0.5 * (2.0 / 3))
    #expect(found(1) == 1.0 / 3)
    #expect(found(2) == nil)
    #expect(found.mean == (0.5 * 1 + 0.5 * (2.0 / 3) + 1.0 / 3) / 2)
    #expect(AveragePrecision(classCount: 2).mean.isNaN)
  }

  /// Parts 0 and 1: 1/2 and 2/3; part 2 occurs in neither: 1.
  @Test func intersectionsAreAveragedOverPartsObjectsAndCategories() {
    var found = PartIntersection()
    let value = (0.5 + 2.0 / 3 + 1) / 3
    found.note(category: 0, parts: [0, 1, 2], actual: [0, 0, 1, 1], predicted: [0, 1, 1, 1])
    #expect(found.instanceMean == value && found.categoryMean == value)
    found.note(category: 0, parts: [0, 1, 2], actual: [0, 1], predicted: [0, 1])
    found.note(category: 1, parts: [3], actual: [3], predicted: [4])
    #expect(found.instanceMean == (value + 1 + 0) / 3)
    #expect(found.categoryMean == ((value + 1) / 2 + 0) / 2)
    #expect(PartIntersection().instanceMean.isNaN)
  }
}
