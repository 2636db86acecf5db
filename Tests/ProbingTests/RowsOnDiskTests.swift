import Foundation
import MultimodalPathway
import PathwayProbing
import TestSupport
import Testing

/// Features on disk give the same results.
@Suite struct RowsOnDiskTests {
  @Test func aHeadHasTheSameBits() throws {
    let tensors = try Checkpoint(contentsOf: Fixture.url("training/ridge.safetensors")).tensors
    let features = try #require(tensors["features"])
    let labels = try #require(tensors["labels"]).float32().map { Int($0) }
    let classes = ["a", "b", "c", "d"]
    let engine = try Engine(threads: 2)
    let expected = try RidgeRegression().fit(features, labels: labels, classes: classes, engine: engine)
    let folder = FileManager.default.temporaryDirectory
    let rows = try FloatRows(width: features.shape[1], onDiskOf: folder)
    let values = try features.float32()
    var start = 0
    for step in [1, 5, 64] {
      try rows.append(Array(values[start..<start + step * rows.width]))
      start += step * rows.width
    }
    try rows.append(Array(values[start...]))
    #expect(rows.count == labels.count)
    let found = try RidgeRegression().fit(rows, labels: labels, classes: classes, engine: engine)
    #expect(try found.weight.float32() == expected.weight.float32())
    #expect(try found.bias.float32() == expected.bias.float32())
    #expect(found.sharpness == expected.sharpness && found.candidates == expected.candidates)
    #expect(found.heldOut == expected.heldOut && found.ridge == expected.ridge)
    #expect(try found.predict(rows, engine: engine) == expected.predict(features, engine: engine))
  }

  @Test func notANumberIsFoundWithItsPlace() throws {
    let rows = try FloatRows(width: 2, onDiskOf: FileManager.default.temporaryDirectory)
    var values = (0..<2000).map { Float($0 % 7) }
    values[2 * 700 + 1] = .infinity
    try rows.append(values)
    let labels = (0..<1000).map { $0 % 2 }
    #expect(throws: RidgeError.notFinite(sample: 700, channel: 1)) {
      try RidgeRegression().fit(rows, labels: labels, classes: ["a", "b"], engine: Engine(threads: 1))
    }
  }
}
