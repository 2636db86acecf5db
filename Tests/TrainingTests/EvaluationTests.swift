import PathwayTraining
import Testing

@Suite struct EvaluationTests {
  @Test func countsRanksAndConfusion() throws {
    var evaluation = Evaluation(classes: ["a", "b", "c", "d", "e", "f", "g"])
    try evaluation.note(scores: [9, 1, 2, 3, 4, 5, 6], label: 0)
    try evaluation.note(scores: [9, 1, 2, 3, 4, 5, 6], label: 3)
    try evaluation.note(scores: [9, 1, 2, 3, 4, 5, 6], label: 2)
    try evaluation.note(scores: [9, 1, 2, 3, 4, 5, 6], label: 1)
    #expect(evaluation.count == 4 && evaluation.top1 == 0.25 && evaluation.top5 == 0.5)
    #expect((0..<4).map { evaluation.confusion.counts[$0][0] } == [1, 1, 1, 1])
  }

  @Test func ofEqualScoresTheFirstClassIsTheAnswer() throws {
    var evaluation = Evaluation(classes: ["a", "b", "c"])
    try evaluation.note(scores: [1, 2, 2], label: 1)
    #expect(evaluation.top1 == 1 && evaluation.confusion.counts[1] == [0, 1, 0])
  }
}
