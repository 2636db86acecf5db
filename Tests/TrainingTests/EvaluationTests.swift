import Foundation
import MultimodalPathway
import PathwayData
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

  /// Class 0 is right for the second of three: 1/2; class 1 for the first two: 1; class 2 has equal scores: 1/3.
  @Test func severalLabelsAreMeasuredByAveragePrecision() throws {
    var c = Models.configuration
    (c.classCount, c.labels, c.task) = (3, nil, .multiLabel)
    var evaluation = Evaluation(classes: ["a", "b", "c"], task: .multiLabel)
    for (logits, labels) in [([2, 1, 0], [0, 1]), ([1, 2, 0], [1]), ([3, -1, 0], [2])] as [([Float], [Int])] {
      var scores = ClassScores(c)
      scores.add(logits)
      try evaluation.note(scores, labels: labels)
    }
    #expect(evaluation.count == 3 && !evaluation.hasOneClassPerFile)
    #expect(evaluation.averagePrecisions == [0.5, 1, 1.0 / 3])
    #expect(evaluation.meanAveragePrecision == (0.5 + 1 + 1.0 / 3) / 3)
    #expect(evaluation.measure == evaluation.meanAveragePrecision)
  }

  @Test func aModelOfOneClassDoesNotAnswerForSeveral() throws {
    try Models.withFolder { folder in
      let table = folder.appendingPathComponent("files.csv")
      try Data("path,label\n1,a\n2,a;b\n".utf8).write(to: table)
      let files = try Manifest(table.path)
      let error = TrainingError.severalLabels(file: folder.path + "/2", found: 2)
      #expect(throws: error) { try Evaluation(of: files, task: .singleLabel) }
      #expect(try Evaluation(of: files, task: .multiLabel).classes == ["a", "b"])
    }
  }

  @Test func ofEqualScoresTheFirstClassIsTheAnswer() throws {
    var evaluation = Evaluation(classes: ["a", "b", "c"])
    try evaluation.note(scores: [1, 2, 2], label: 1)
    #expect(evaluation.top1 == 1 && evaluation.confusion.counts[1] == [0, 1, 0])
  }
}
