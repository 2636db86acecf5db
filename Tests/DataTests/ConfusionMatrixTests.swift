import PathwayData
import Testing

/// Counts of right and wrong answers.
@Suite struct ConfusionMatrixTests {
  @Test func rowsAreWhatASampleIs() {
    let matrix = ConfusionMatrix(classes: ["a", "b"], actual: [0, 0, 1, 1, 1], predicted: [0, 1, 1, 1, 0])
    #expect(matrix.counts == [[1, 1], [1, 2]])
    #expect(matrix.total == 5 && matrix.correct == 3 && matrix.accuracy == 0.6)
  }

  @Test func withoutSamplesAccuracyIsNoNumber() {
    #expect(ConfusionMatrix(classes: ["a"]).accuracy.isNaN)
  }
}
