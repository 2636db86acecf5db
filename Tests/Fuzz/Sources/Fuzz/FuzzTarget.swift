import Foundation
import MultimodalPathway
import PathwayMedia

/// A reader of files, and what one fuzzed input is to it.
///
/// An input ends in an answer or in a typed error whose description can be made; anything else (a trap, a memory error,
/// more than the run's time or memory) is a finding.
enum FuzzTarget: String, CaseIterable {
  case safetensors, pickle, zip, index, configuration, preprocessing, scales, plan
  case png, jpeg, sound, video, ply, off, obj, xyz, npy

  func run(_ bytes: UnsafeRawBufferPointer) {
    // Foundation leaks a block for every empty file that it reads, which is no finding here.
    if bytes.isEmpty, [.scales, .plan].contains(self) { return }
    do {
      try read(Data(bytes))
    } catch {
      // An error's text is made of the input too.
      precondition(!"\(error)".isEmpty)
    }
  }

  private func read(_ data: Data) throws {
    switch self {
    case .safetensors, .zip: try Self.load(ScratchFile.model, data)
    case .pickle: try Self.load(ScratchFile.model, StoredArchive.checkpoint(pickle: data))
    case .index: try Self.load(ScratchFile.index, data)
    case .configuration:
      let configuration = try VisionTransformerConfiguration.read(json: data, file: "config.json")
      precondition(!ModelWeights.expectedShapes(configuration).isEmpty)
    case .preprocessing:
      for read in [ImagePreprocessing.timm(json:file:), ImagePreprocessing.huggingFace(json:file:)] {
        guard let recipe = try? read(data, "config.json") else { continue }
        // Sizes of pictures that people have; the plan is arithmetic alone.
        let picture = try PixelImage(extent: Extent(height: 3, width: 5), rgb: [UInt8](repeating: 9, count: 45))
        _ = try ImagePreprocessor(recipe).crop(picture)
      }
    case .scales: _ = try PathwayScales.read(ScratchFile.text.holding(data), count: 2)
    case .plan: _ = try PrecisionPlan.read(ScratchFile.text.holding(data))
    case .png, .jpeg:
      _ = try ImageFile.decode(data, name: "picture", limits: ImageLimits(fileBytes: 1 << 20, pixels: 1 << 20))
    case .sound: _ = try AudioFile.decode(data, name: "sound", rate: 16_000, resamples: true)
    case .video:
      let video = try VideoFile(ScratchFile.video.holding(data))
      _ = try video.forEachFrame([0, video.frameCount / 2]) { _, _ in }
    case .ply, .off, .obj, .xyz, .npy: _ = try PointFile.decode(data, name: "points." + rawValue)
    }
  }

  /// Reads a checkpoint and its small tensors.
  private static func load(_ file: ScratchFile, _ data: Data) throws {
    let checkpoint = try Checkpoint(contentsOf: file.holding(data))
    for tensor in checkpoint.tensors.values where tensor.count < 1 << 16 { _ = try? tensor.float32() }
    _ = try CheckpointLayout.timmNamed(checkpoint.tensors)
    _ = try AuxiliaryWeights(checkpoint: checkpoint)
  }
}

/// A file in memory that an input is written to, since some readers map files: one of each name, used again.
struct ScratchFile {
  static let model = ScratchFile("model.bin")
  static let index = ScratchFile("model.safetensors.index.json")
  static let text = ScratchFile("text.json")
  static let video = ScratchFile("clip.mp4")

  private static let folder: URL = {
    let folder = URL(fileURLWithPath: "/dev/shm/m2pt-fuzz-\(getpid())")
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    atexit { try? FileManager.default.removeItem(atPath: "/dev/shm/m2pt-fuzz-\(getpid())") }
    return folder
  }()

  private let url: URL
  private let descriptor: CInt

  private init(_ name: String) {
    url = Self.folder.appendingPathComponent(name)
    descriptor = open(url.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
  }

  /// The file with this content. It stays open: making it anew would take longer than most inputs do.
  func holding(_ data: Data) throws -> URL {
    let written = data.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    precondition(written == data.count && ftruncate(descriptor, off_t(data.count)) == 0)
    return url
  }
}
