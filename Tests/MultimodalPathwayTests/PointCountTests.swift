import Foundation
import MultimodalPathway
import Testing

/// The number of points and groups of a running model.
@Suite struct PointCountTests {
  /// Loads a lone file with Point-MAE's tensors.
  private func load(
    _ architecture: String, _ change: (inout ModelOverrides) -> Void = { _ in }
  ) throws -> ModelWeights {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).safetensors")
    defer { try? FileManager.default.removeItem(at: file) }
    var c = try VisionTransformerConfiguration.preset("point_mae_modelnet40")
    (c.depth, c.width, c.hiddenWidth) = (1, 48, 96)
    try Checkpoint(tensors: ModelWeights.random(c, seed: 1).tensors).write(to: file)
    var overrides = ModelOverrides()
    change(&overrides)
    return try ModelWeights(modelAt: file, architecture: architecture, overriding: overrides)
  }

  /// cfgs/finetune_modelnet_8k.yaml of Point-MAE: npoints 8192, num_group 512, group_size 32.
  @Test func theDensePresetIsPointMAEs() throws {
    let c = try VisionTransformerConfiguration.preset("point_mae_modelnet40_8k")
    #expect(c.points?.points == 8192 && c.points?.groups == 512 && c.points?.groupSize == 32 && c.classCount == 40)
    #expect(try c.labels == VisionTransformerConfiguration.preset("point_mae_modelnet40").labels)
    let weights = try load("point_mae_modelnet40_8k")
    #expect(weights.configuration.inputShape == [8192, 3] && weights.configuration.tokenCount == 513)
  }

  @Test func theNumberForALoneFileGivesANote() throws {
    let weights = try load("point_mae_modelnet40")
    #expect(weights.configuration.points?.points == 1024)
    #expect(weights.notes.count == 1 && weights.notes[0].contains("1024 in 64 groups"), "\(weights.notes)")
  }

  @Test func callersChoose() throws {
    let dense = try load("point_mae_modelnet40") { $0.points = 8192 }
    #expect(dense.configuration.points?.points == 8192 && dense.configuration.points?.groups == 512)
    #expect(dense.notes.count == 1 && dense.notes[0].contains("512 groups"))
    let both = try load("point_mae_modelnet40") { ($0.points, $0.groups) = (300, 20) }
    #expect(both.configuration.points?.points == 300 && both.configuration.points?.groups == 20 && both.notes.isEmpty)
    #expect(try load("point_mae_modelnet40") { $0.groups = 32 }.configuration.tokenCount == 33)
    let impossible: [(inout ModelOverrides) -> Void] = [
      { $0.points = 20 }, { $0.groups = 5000 }, { $0.points = 1 << 40 },
    ]
    for change in impossible {
      #expect(throws: ConfigurationError.self) { try load("point_mae_modelnet40", change) }
    }
  }
}
