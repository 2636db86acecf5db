import Foundation
import MultimodalPathway
import PathwayData
import PathwayMedia
import PathwayTraining

/// A reader of files that is fuzzed.
///
/// An input gives an answer or a typed error with a description; anything else (a trap, a memory error, more than the
/// limits of time or memory) is a finding.
enum FuzzTarget: String, CaseIterable {
  case safetensors, pickle, zip, index, model, configuration, forward, preprocessing, scales, plan
  case png, jpeg, sound, container, video, ply, off, obj, xyz, npy, table, segments, recipe

  /// Whether inputs have parts, lengths or checksums that mutations keep consistent; the others are lines of text.
  var hasStructure: Bool {
    switch self {
    case .off, .obj, .xyz, .table, .segments, .recipe: false
    default: true
    }
  }

  /// Bytes that the first 96 bytes of inputs must contain, for a reader that passes other formats to another target.
  private var mark: [UInt8] {
    switch self {
    case .png: Array("PNG".utf8)
    case .jpeg: [0xFF, 0xD8]
    case .npy: Array("NUMPY".utf8)
    case .ply: Array("ply\n".utf8)
    case .off: Array("OFF".utf8)
    case .obj: Array("v ".utf8)
    default: []
    }
  }

  /// - Returns: whether the input is one for this target.
  func run(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard mark.isEmpty || [UInt8](bytes.prefix(96))[...].place(of: mark) != nil else { return false }
    do {
      try read(bytes)
    } catch {
      // The text of an error depends on the input too.
      precondition(!"\(error)".isEmpty)
    }
    return true
  }

  private func read(_ bytes: UnsafeRawBufferPointer) throws {
    if self == .pickle { return try Self.load(Data(StoredArchive.checkpoint(pickle: bytes))) }
    let data = Data(bytes)
    switch self {
    case .safetensors, .zip, .pickle: try Self.load(data)
    case .index: _ = try Checkpoint(contentsOf: ScratchFile.index.holding(data))
    case .model: try SmallModel.load(data)
    case .configuration:
      let configuration = try VisionTransformerConfiguration.read(json: data, file: "config.json")
      precondition(!configuration.parameters.isEmpty)
    case .forward:
      try SmallModel.run(VisionTransformerConfiguration.read(json: data, file: "config.json"), data.count)
    case .preprocessing:
      for read in [ImagePreprocessing.timm(json:file:), ImagePreprocessing.huggingFace(json:file:)] {
        guard let recipe = try? read(data, "config.json") else { continue }
        let preprocessor = try ImagePreprocessor(recipe)
        // Large pictures would take nearly all of the time.
        guard preprocessor.valueCount < 1 << 12 else { continue }
        let picture = try PixelImage(extent: Extent(height: 3, width: 5), rgb: [UInt8](repeating: 9, count: 45))
        _ = try preprocessor.crop(picture)
      }
    case .scales: _ = try PathwayScales.read(json: data, file: "scales.json", count: 2)
    case .plan: _ = try PrecisionPlan.read(json: data, file: "plan.json")
    case .png, .jpeg:
      _ = try ImageFile.decode(data, name: "picture", limits: ImageLimits(fileBytes: 1 << 20, pixels: 1 << 16))
    case .sound: _ = try AudioFile.decode(data, name: "sound", rate: 16_000, resamples: true)
    case .container: _ = try VideoFile.check(data, name: "clip")
    case .video:
      let video = try VideoFile(ScratchFile.video.holding(data))
      _ = try video.forEachFrame([0, video.frameCount / 2]) { _, _ in }
    case .ply, .off, .obj, .xyz, .npy:
      _ = try? PointFile.decodeLabelled(data, name: "points")
      _ = try PointFile.decode(data, name: "points")
    case .table:
      let path = try ScratchFile.table.holding(data).path
      _ = try? ClassNames.read(path, count: 3)
      let table = try Manifest(path)
      precondition(table.labelSets.allSatisfy { table.classes.indices.contains($0[0]) })
    case .segments: _ = try AudioSetSegments(ScratchFile.segments.holding(data).path, NamedFiles())
    case .recipe:
      let recipe = try Recipe(yaml: String(decoding: data, as: UTF8.self), file: "recipe.yaml")
      let again = try Recipe(yaml: recipe.yaml, file: "recipe.yaml")
      precondition(again == recipe)
    }
  }

  /// Recordings that are listed and not read.
  private struct NamedFiles: FrontEnd {
    let fileExtensions = ["wav"]
    let viewCount: Int? = 1
    let shape = [1]
    func views(of file: URL) -> [Float] { [0] }
    func preview(of file: URL) -> InputPreview { InputPreview(values: Tensor([0], shape: [1, 1]), pictures: []) }
  }

  /// Reads a checkpoint, its small tensors, and the transformer that its names describe.
  private static func load(_ data: Data) throws {
    let checkpoint = try Checkpoint(data: data, name: "model.bin")
    for tensor in checkpoint.tensors.values where tensor.count < 1 << 16 { _ = try? tensor.float32() }
    _ = try AuxiliaryWeights(checkpoint: checkpoint)
  }
}
