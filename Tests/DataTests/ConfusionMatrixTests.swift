import PathwayData
import Testing

/// Counts of right and wrong answers.
@Suite struct ConfusionMatrixTests {
  @Test func rowsAreWhatASampleIsAndColumnsWhatItIsTakenFor() {
    let matrix = ConfusionMatrix(
      classes: ["a", "b", "c"], actual: [0, 0, 0, 1, 2, 2], predicted: [1, 1, 0, 2, 2, 0])
    #expect(matrix.counts == [[1, 2, 0], [0, 0, 1], [1, 0, 1]])
    #expect(matrix.total == 6 && matrix.correct == 2 && matrix.accuracy == 2.0 / 6)
  }

  @Test func withoutSamplesAccuracyIsNoNumber() {
    #expect(ConfusionMatrix(classes: ["a"]).accuracy.isNaN)
  }
}
