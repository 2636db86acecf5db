import PathwayData
import Testing

/// Metrics of values that are computed by hand.
@Suite struct MetricsTests {
  @Test func topKCountsRanks() throws {
    var found = TopKAccuracy(classCount: 3)
    try found.note(scores: [0.1, 0.7, 0.2] as [Float], actual: 1)  // first
    try found.note(scores: [0.1, 0.7, 0.2] as [Float], actual: 2)  // second
    try found.note(scores: [0.5, 0.5, 0.5] as [Float], actual: 2)  // third of equals
    try found.note(scores: [0.1, .nan, -0.2] as [Float], actual: 1)  // NaN is last
    #expect(found.total == 4)
    #expect((0...3).map { found.accuracy($0) } == [0, 0.25, 0.5, 1])
    #expect(TopKAccuracy(classCount: 3).accuracy(1).isNaN)
  }

  /// Class 0: right, wrong, right gives (1 + 2/3) / 2; class 1: all equal, 1 of 3; class 2: never right.
  @Test func averagePrecisionsAreAveragedOverTheClassesThatOccur() throws {
    var found = AveragePrecision(classCount: 3)
    try found.note(scores: [0.9, 0.5, 0.1] as [Float], actual: [0])
    try found.note(scores: [0.8, 0.5, 0.2] as [Float], actual: [])
    try found.note(scores: [0.7, 0.5, 0.3] as [Float], actual: [0, 1])
    #expect(found(0) == 0.5 * 1 + 0.5 * (2.0 / 3))
    #expect(found(1) == 1.0 / 3)
    #expect(found(2) == nil)
    #expect(found.mean == (0.5 * 1 + 0.5 * (2.0 / 3) + 1.0 / 3) / 2)
    #expect(AveragePrecision(classCount: 2).mean.isNaN)
  }

  /// Parts 0 and 1: 1/2 and 2/3; part 2 occurs in neither: 1.
  @Test func intersectionsAreAveragedOverPartsObjectsAndCategories() throws {
    var found = PartIntersection()
    let value = (0.5 + 2.0 / 3 + 1) / 3
    try found.note(category: 0, parts: [0, 1, 2], actual: [0, 0, 1, 1], predicted: [0, 1, 1, 1])
    #expect(found.instanceMean == value && found.categoryMean == value)
    try found.note(category: 0, parts: [0, 1, 2], actual: [0, 1], predicted: [0, 1])
    try found.note(category: 1, parts: [3], actual: [3], predicted: [4])
    #expect(found.instanceMean == (value + 1 + 0) / 3)
    #expect(found.categoryMean == ((value + 1) / 2 + 0) / 2)
    #expect(PartIntersection().instanceMean.isNaN)
  }

  /// ILSVRC's labels begin with 1, so that the label 1,000 is out of range.
  @Test(arguments: [-1, 2]) func aClassOutOfRangeIsRefused(_ index: Int) throws {
    let error = DataError.classOutOfRange(found: index, classCount: 2)
    var (topK, precision) = (TopKAccuracy(classCount: 2), AveragePrecision(classCount: 2))
    #expect(throws: error) { try topK.note(scores: [0, 1], actual: index) }
    #expect(throws: error) { try precision.note(scores: [0, 1], actual: [0, index]) }
    #expect(topK == TopKAccuracy(classCount: 2) && precision(0) == nil)
    #expect("\(error)" == "class \(index) is out of range: there are 2 classes, counted from 0; check the labels")
  }

  @Test(arguments: [[0], [0, 1, 2]] as [[Float]]) func everyClassNeedsAScore(_ scores: [Float]) {
    let error = DataError.scoreCount(found: scores.count, expected: 2)
    var (topK, precision) = (TopKAccuracy(classCount: 2), AveragePrecision(classCount: 2))
    #expect(throws: error) { try topK.note(scores: scores, actual: 0) }
    #expect(throws: error) { try precision.note(scores: scores, actual: [0]) }
    #expect(topK.total == 0 && precision(0) == nil)
  }

  @Test func everyPointNeedsAPrediction() {
    var found = PartIntersection()
    #expect(throws: DataError.predictionCount(found: 1, expected: 2)) {
      try found.note(category: 0, parts: [0], actual: [0, 0], predicted: [0])
    }
    #expect(found.instanceMean.isNaN)
  }

  /// The positive sample is the second of two: its precision is 1/2.
  @Test(arguments: [[1, .nan], [.nan, 1]] as [[Float]]) func nanIsTheLowestScore(_ scores: [Float]) throws {
    var found = AveragePrecision(classCount: 1)
    for score in scores { try found.note(scores: [score], actual: score.isNaN ? [0] : []) }
    #expect(found(0) == 0.5)
  }
}
