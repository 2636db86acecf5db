import PathwayTraining
import Testing

/// Counts by true class, then by predicted class.
@Suite struct ConfusionMatrixTests {
  @Test func rowsAreWhatASampleIsAndColumnsWhatItIsTakenFor() {
    var matrix = ConfusionMatrix(classes: ["a", "b", "c"])
    for (actual, predicted) in [(0, 1), (0, 1), (0, 0), (1, 2), (2, 2), (2, 0)] {
      matrix.note(actual: actual, predicted: predicted)
    }
    #expect(matrix.counts == [[1, 2, 0], [0, 0, 1], [1, 0, 1]])
    #expect(matrix.total == 6 && matrix.correct == 2 && matrix.accuracy == 2.0 / 6)
  }

  @Test func withoutSamplesThereIsNoAccuracy() {
    let matrix = ConfusionMatrix(classes: ["a"])
    #expect(matrix.counts == [[0]] && matrix.total == 0 && matrix.accuracy.isNaN)
  }
}
