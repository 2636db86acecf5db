import Foundation
import MultimodalPathway
import PathwayData
import PathwayMedia
import TestSupport
import Testing

/// Scores of files: their order, their means over views, and the classifier that makes them.
@Suite struct ClassifierTests {
  @Test func bestClassesAreOrderedByScoreLogitAndNumber() throws {
    var c = try Inputs.pictureModel()
    (c.classCount, c.labels) = (4, nil)
    var scores = ClassScores(c, names: ["p", "q", "r", "s"])
    scores.add([1, 3, 3, 2] as [Float])
    let best = scores.best(3)
    #expect(best.map(\.index) == [1, 2, 3] && best.map(\.label) == ["q", "r", "s"])
    #expect(scores.best(9).count == 4 && scores.best(0).isEmpty && scores.best(-1).isEmpty)
    #expect(abs(scores.best(4).reduce(0) { $0 + $1.score } - 1) < 1e-15)
    #expect(ClassScores(c).best(1)[0].label == "class 0")
  }

  @Test func scoresAreMeansOfTheViewsScores() throws {
    var scores = ClassScores(try Inputs.pictureModel())
    let views: [[Float]] = [[0, 1, 2], [2, 0, -1]]
    for view in views { scores.add(view) }
    for item in scores.best(3) {
      let each = views.map { AnswerActivation.softmax.scores($0)[item.index] }
      #expect(item.score == (each[0] + each[1]) / 2)
      #expect(item.logit == (views[0][item.index] + views[1][item.index]) / 2)
    }
    #expect(scores.viewCount == 2)
  }

  @Test func anInfiniteLogitIsNotHiddenByItsProbability() throws {
    var c = try Inputs.pictureModel()
    c.task = .multiLabel
    var scores = ClassScores(c)
    scores.add([0, .infinity, 1] as [Float])
    #expect(!scores.isFinite)
  }

  @Test func regressionsHaveValues() throws {
    var c = try Inputs.pictureModel()
    c.task = .regression
    var scores = ClassScores(c)
    scores.add([0.5, -2, 7] as [Float])
    #expect(scores.best(1)[0].score == 7 && !scores.best(1)[0].isProbability)
  }

  @Test func aModelOnDiskClassifiesAJPEG() throws {
    try Inputs.withFolder { folder in
      let weights = try ModelWeights.random(Inputs.pictureModel(), seed: 1)
      try weights.configuration.write(toDirectory: folder)
      try Checkpoint(tensors: weights.tensors).write(to: folder.appendingPathComponent("model.safetensors"))
      let file = Fixture.url("images/cat.jpg")
      let classifier = try Classifier(modelAt: folder, engine: Engine(threads: 2))
      let answer = try classifier(file).best(3)
      let preprocessor = try ImagePreprocessor(.read(modelAt: folder))
      let logits = try VisionTransformer(weights, engine: Engine(threads: 1))(preprocessor([ImageFile.read(file)]))
        .float32()
      let expected = AnswerActivation.softmax.scores(logits)
      #expect(Set(answer.map(\.label)) == ["a", "b", "c"])
      for item in answer { #expect(item.score == expected[item.index] && item.logit == logits[item.index]) }
    }
  }

  /// 15 views in passes of 8: the mean of their separate answers.
  @Test func viewsOfAVideoAreAveraged() throws {
    var settings = FrontEndSettings()
    (settings.segments, settings.crops) = (5, 3)
    let model = try Inputs.model(Inputs.videoModel())
    let frontEnd = try model.configuration.frontEnd(settings: settings, engine: model.engine)
    let file = Fixture.url("video/h264.mp4")
    let scores = try Classifier(model, frontEnd)(file)
    let values = try frontEnd.views(of: file)
    let logits = try model(Tensor(values, shape: [15] + frontEnd.shape)).float32()
    var expected = ClassScores(model.configuration)
    for view in 0..<15 { expected.add(logits[3 * view..<3 * view + 3]) }
    #expect(scores.viewCount == 15 && scores.best(3) == expected.best(3))
  }

  @Test func aBatchCompletesTheFilesWhoseLastViewItHas() throws {
    let model = try Inputs.model(Inputs.pictureModel())
    let classifier = try Classifier(model, model.configuration.frontEnd(engine: model.engine))
    try Inputs.withFolder { folder in
      let paths = (0..<3).map { folder.appendingPathComponent("\($0).png").path }
      for (seed, path) in paths.enumerated() {
        try Inputs.writePicture(UInt64(seed), to: URL(fileURLWithPath: path))
      }
      let batches = InputBatches(frontEnd: classifier.frontEnd, engine: model.engine, size: 2)
      let workspace = try model.workspace(batch: 2)
      var (sums, found) = (classifier.noScores, [Int: [ScoredClass]]())
      try batches.forEach(paths) { batch in
        try classifier.add(batch, to: &sums, workspace: workspace) { found[$0] = $1.best(3) }
      }
      #expect(sums.viewCount == 0 && found.count == 3)
      for (file, path) in paths.enumerated() {
        let alone = try classifier(URL(fileURLWithPath: path)).best(3)
        #expect(found[file] == alone)
      }
    }
  }

  @Test func modelsWithoutClassesAreErrors() throws {
    var c = try Inputs.pictureModel()
    (c.classCount, c.labels) = (0, nil)
    let model = try Inputs.model(c)
    let frontEnd = try c.frontEnd(engine: model.engine)
    #expect(throws: DataError.noClasses) { try Classifier(model, frontEnd) }
    let segmenter = try VisionTransformer(Inputs.pointModel("segmenter"), engine: model.engine)
    let points = try segmenter.configuration.frontEnd(engine: model.engine)
    #expect(throws: DataError.answersPerPoint) { try Classifier(segmenter, points) }
  }

  @Test func everyPointHasAPartOfItsCategory() throws {
    let engine = try Engine(threads: 2)
    let model = try VisionTransformer(Inputs.pointModel("segmenter"), engine: engine)
    let points = try #require(model.configuration.points)
    var random = SeededGenerator(seed: 5)
    let cloud = try PointCloud(coordinates: random.floats(3 * 3000))
    let prepared = try PointPreprocessor(points, engine: engine)(cloud)
    for (number, category) in try #require(model.configuration.parts).categories.enumerated() {
      let answer = try PartAnswer(model, prepared, category: number)
      #expect(answer.isFinite && answer.category == category && answer.points.count == points.points)
      #expect(answer.points.allSatisfy { answer.parts.contains($0.part) && $0.probability > 0 && $0.probability <= 1 })
      let all = try answer.spread(over: prepared, engine: engine)
      #expect(all.count == 3000)
      for (place, index) in prepared.indices.enumerated() where prepared.indices.firstIndex(of: index) == place {
        #expect(all[index] == answer.points[place], "a point that was seen is its own nearest")
      }
    }
    let whole = try Inputs.model(Inputs.pictureModel())
    #expect(throws: DataError.answersWhole) { try PartAnswer(whole, prepared) }
  }
}
