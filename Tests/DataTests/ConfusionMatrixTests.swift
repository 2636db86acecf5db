import PathwayData
import Testing

/// Counts of right and wrong answers.
@Suite struct ConfusionMatrixTests {
  @Test func rowsAreTrueClassesAndColumnsPredictedOnes() throws {
    let matrix = try ConfusionMatrix(
      classes: ["a", "b", "c"], actual: [0, 0, 0, 1, 2, 2], predicted: [1, 1, 0, 2, 2, 0])
    #expect(matrix.counts == [[1, 2, 0], [0, 0, 1], [1, 0, 1]])
    #expect(matrix.total == 6 && matrix.correct == 2 && matrix.accuracy == 2.0 / 6)
  }

  @Test func withoutSamplesAccuracyIsNaN() {
    #expect(ConfusionMatrix(classes: ["a"]).accuracy.isNaN)
  }

  @Test(arguments: [-1, 2]) func aClassOutOfRangeIsRefused(_ index: Int) {
    let error = DataError.classOutOfRange(found: index, classCount: 2)
    var matrix = ConfusionMatrix(classes: ["a", "b"])
    #expect(throws: error) { try matrix.note(actual: index, predicted: 0) }
    #expect(throws: error) { try matrix.note(actual: 0, predicted: index) }
    #expect(matrix == ConfusionMatrix(classes: ["a", "b"]))
    #expect(throws: error) { try ConfusionMatrix(classes: ["a", "b"], actual: [0, index], predicted: [0, 1]) }
  }

  @Test func everySampleNeedsAPrediction() {
    #expect(throws: DataError.predictionCount(found: 1, expected: 2)) {
      try ConfusionMatrix(classes: ["a", "b"], actual: [0, 1], predicted: [0])
    }
  }
}
