import Foundation
import MultimodalPathway
import PathwayData
import PathwayMedia
import PathwayTraining
import Testing

/// What a run on the parts of clouds refuses, and how it says so.
@Suite struct PartErrorTests {
  private func recipe(_ change: (inout Recipe) -> Void = { _ in }) -> Recipe {
    var recipe = Recipe()
    (recipe.epochs, recipe.batch) = (1, 2)
    change(&recipe)
    return recipe
  }

  private func trainer(_ files: any LabelledFiles, _ folder: URL, _ recipe: Recipe) throws -> Trainer {
    try Trainer(
      PathwayWeights(.random(Models.parts, seed: 1)), on: files, in: folder.path, recipe: recipe,
      engine: Engine(threads: 1))
  }

  /// The error of reading a file as one of the category ball, and its path.
  private func error(_ text: String, named name: String = "cloud.xyz") throws -> (error: (any Error)?, file: String) {
    var (found, path): ((any Error)?, String) = (nil, "")
    try Models.withFolder { folder in
      let file = folder.appendingPathComponent(name)
      path = file.path
      try Data(text.utf8).write(to: file)
      let head = try #require(Models.parts.parts)
      do {
        _ = try Models.pointFrontEnd(Models.parts).labelled(file, category: head.categories[0], classCount: 4)
      } catch {
        found = error
      }
    }
    return (found, path)
  }

  @Test func aPartOfAnotherCategoryIsNamedWithItsPoint() throws {
    let (error, file) = try error("0 0 1 0\n0 1 0 1\n1 0 0 2\n")
    let expected = DataError.partOutOfRange(file: file, point: 2, found: 2, category: "ball", expected: [0, 1])
    #expect(error as? DataError == expected)
    #expect(
      "\(expected)" == "\(file): the label of point 2, counted from 0, is 2, expected a part of ball: 0, 1")
  }

  @Test func aCategoryWithoutPartsOfItsOwnHasThoseOfTheModel() throws {
    try Models.withFolder { folder in
      let file = folder.appendingPathComponent("cloud.xyz")
      try Data("0 0 1 3\n0 1 0 0\n1 0 0 4\n".utf8).write(to: file)
      let error = DataError.partOutOfRange(
        file: file.path, point: 2, found: 4, category: "thing", expected: [0, 1, 2, 3])
      #expect(throws: error) {
        try Models.pointFrontEnd(Models.parts).labelled(file, category: .init(name: "thing"), classCount: 4)
      }
    }
  }

  @Test func aFileWithoutLabelsIsNamed() throws {
    let (error, file) = try error("0 0 1\n0 1 0\n1 0 0\n")
    guard case .noLabels(file, _)? = error as? PointFileError else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func aMeshIsRefused() throws {
    let text = """
      ply
      format ascii 1.0
      element vertex 3
      property float x
      property float y
      property float z
      property uchar label
      element face 1
      property list uchar int vertex_indices
      end_header
      0 0 1 0
      0 1 0 0
      1 0 0 1
      3 0 1 2

      """
    let (error, file) = try error(text, named: "mesh.ply")
    guard case .notPrepared(file, let reason)? = error as? DataError else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reason.contains("faces"))
  }

  @Test func aRunEndsWithTheNameOfAFileWithoutLabels() throws {
    try Models.withFolder { folder in
      let data = folder.appendingPathComponent("data")
      let files = try Models.writeLabelledClouds(in: data, count: 2)
      try Data("0 0 1\n0 1 0\n1 0 0\n".utf8).write(to: URL(fileURLWithPath: files.paths[3]))
      #expect {
        try trainer(files, data, recipe { $0.batch = 4 }).run(in: folder.appendingPathComponent("run"))
      } throws: { error in
        guard case TrainingError.unreadable(let reason, 1) = error else { return false }
        return reason.hasPrefix(files.paths[3] + ": its points have no labels")
      }
    }
  }

  @Test func classesThatAreNotTheCategoriesAreRefused() throws {
    try Models.withFolder { folder in
      let files = try Models.writeClouds(in: folder, count: 2)
      let error = TrainingError.otherCategories(found: ["a", "b"], expected: ["ball", "rod"])
      #expect(throws: error) { try trainer(files, folder, recipe()) }
      let model = try Models.partsPreferring([0, 1, 0, 2])
      #expect(throws: error) {
        try Evaluation(model, Models.pointFrontEnd(model.configuration), on: files, batch: 1)
      }
      #expect(throws: DataError.unknownClass(directory: folder.path, found: "a", expected: ["ball", "rod"])) {
        _ = try Models.writeLabelledClouds(in: folder, count: 1)
      }
    }
  }

  @Test func aCloudOfTwoCategoriesIsRefused() throws {
    try Models.withFolder { folder in
      _ = try Models.writeLabelledClouds(in: folder, count: 2)
      let table = folder.appendingPathComponent("files.csv")
      try Data("path,label\nrod/0.xyz,rod\nball/1.xyz,ball;rod\n".utf8).write(to: table)
      let head = try #require(Models.parts.parts)
      let files = try LabelledData.read(table.path, Models.pointFrontEnd(Models.parts), of: head)
      let error = TrainingError.severalLabels(file: folder.path + "/ball/1.xyz", found: 2)
      #expect(throws: error) { try trainer(files, folder, recipe()) }
      #expect(throws: error) { try Evaluation(of: files, head) }
    }
  }

  @Test(arguments: [("task", "multi_label"), ("mixup", "0.5"), ("cutmix", "1")])
  func keysThatMakeNoSenseForPartsAreRefused(_ key: String, _ value: String) throws {
    try Models.withFolder { folder in
      let files = try Models.writeLabelledClouds(in: folder, count: 2)
      var recipe = recipe()
      try recipe.set(key, to: value)
      #expect {
        _ = try trainer(files, folder, recipe)
      } throws: { error in
        switch error as? TrainingError {
        case .badSetting(key, "multi_label", _): true
        case .notApplicable(key, _, "points", _, _): true
        default: false
        }
      }
    }
  }

  @Test func aBatchOfOneCloudIsRefused() throws {
    try Models.withFolder { folder in
      let files = try Models.writeLabelledClouds(in: folder, count: 2)
      #expect(
        throws: TrainingError.badSetting(
          key: "batch", found: "1", expected: "2 or more, over which the head's batch norms have a variance")
      ) { try trainer(files, folder, recipe { $0.batch = 1 }) }
    }
  }
}
