import Foundation
import MultimodalPathway
import PathwayKernels

extension PathwayCase {
  typealias Configuration = @Sendable () throws -> VisionTransformerConfiguration

  static func preset(_ architecture: String) -> Configuration { { try .preset(architecture) } }

  /// 16 frames of 224 x 224 in tubelets of 2 x 16 x 16, with mean pooling (VideoMAE).
  static let video: Configuration = {
    var c = try VisionTransformerConfiguration.preset("vit_base_patch16_224")
    c.input = .video(.init())
    c.hasClassToken = false
    c.pooling = .mean
    return c
  }

  /// A spectrogram of 1,024 frames and 128 bins, and a class token.
  static let sound: Configuration = {
    var c = try VisionTransformerConfiguration.preset("vit_base_patch16_224")
    c.imageSize = Extent(height: 1024, width: 128)
    c.channels = 1
    return c
  }

  static func forward(
    _ name: String, _ configuration: @escaping Configuration, batch: Int = 1, pathway: PathwayExecution? = nil
  ) -> PathwayCase {
    PathwayCase(name: name, items: batch, operations: operations(configuration) * Double(batch)) { engine in
      let weights = try pathway == nil ? PathwayWeights(.random(configuration(), seed: 1)) : joined(configuration)
      let model = try VisionTransformer(weights, execution: pathway ?? .merged, engine: engine)
      let images = images(model.configuration, batch: batch)
      let workspace = try model.workspace(batch: batch)
      let count = batch * resultWidth(model.configuration)
      return PathwayRun(outputCount: count, pass: (model, workspace)) { output in
        var logits = UnsafeMutableBufferPointer(start: output.base, count: output.count).mutableSpan
        try model.forward(images, into: &logits, workspace: workspace)
      }
    }
  }

  /// A file is mapped, checked and packed, and one photo classified.
  static func firstLogits(_ name: String, _ configuration: @escaping Configuration) -> PathwayCase {
    PathwayCase(name: name, items: 1, operations: operations(configuration)) { engine in
      let c = try configuration()
      let folder = try TemporaryFolder()
      let file = folder.url.appendingPathComponent("model.safetensors")
      try Checkpoint(tensors: ModelWeights.random(c, seed: 1).tensors).write(to: file)
      let images = images(c, batch: 1)
      return PathwayRun(outputCount: resultWidth(c)) { output in
        let weights = try ModelWeights(checkpoint: Checkpoint(contentsOf: file), configuration: c)
        let logits = try VisionTransformer(weights, engine: engine)(images)
        output.base.update(from: try logits.float32(), count: output.count)
        withExtendedLifetime(folder) {}
      }
    }
  }

  /// A target and an auxiliary are folded and written; the output is the size of the file.
  static func merge(_ name: String, _ configuration: @escaping Configuration) -> PathwayCase {
    PathwayCase(name: name, items: 1, operations: 0) { engine in
      let weights = try joined(configuration)
      let folder = try TemporaryFolder()
      let file = folder.url.appendingPathComponent("merged.safetensors")
      return PathwayRun(outputCount: 1) { output in
        try weights.writeMerged(to: file, as: .float32, engine: engine)
        output.base[0] = Float(try file.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0)
        withExtendedLifetime(folder) {}
      }
    }
  }

  /// The preparation of weights in memory before the first pass; the output is their packed size.
  static func pack(_ name: String, _ configuration: @escaping Configuration) -> PathwayCase {
    PathwayCase(name: name, items: 1, operations: 0) { engine in
      let weights = try ModelWeights.random(configuration(), seed: 1)
      return PathwayRun(outputCount: 1) { output in
        output.base[0] = Float(try VisionTransformer(weights, engine: engine).weightBytes)
      }
    }
  }

  /// A target with an auxiliary in all its layers, both with random weights.
  private static func joined(_ configuration: Configuration) throws -> PathwayWeights {
    let c = try configuration()
    let other = try ModelWeights.random(c, seed: 2)
    return try PathwayWeights(.random(c, seed: 1)).attach(
      auxiliary: AuxiliaryWeights(checkpoint: Checkpoint(tensors: other.tensors)), scale: 0.05)
  }

  /// Operations of one image. Every configuration above is made of a preset; the tests prepare them.
  private static func operations(_ configuration: Configuration) -> Double {
    (try? configuration().operationCount) ?? .nan
  }

  private static func resultWidth(_ c: VisionTransformerConfiguration) -> Int {
    c.answerShape.reduce(1, *)
  }

  private static func images(_ c: VisionTransformerConfiguration, batch: Int) -> Tensor {
    Tensor(shape: [batch] + c.inputShape) { pixels in
      for index in pixels.indices { pixels[index] = Float(index % 255) / 128 - 1 }
    }
  }
}

/// A folder that is removed with its last reference.
private final class TemporaryFolder {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent("pathway-case-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(at: url) }
}
