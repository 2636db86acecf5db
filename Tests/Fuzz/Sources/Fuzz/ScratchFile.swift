import Foundation

/// A file in memory for readers that open files: one for each name, used for all inputs.
struct ScratchFile {
  static let index = ScratchFile("model.safetensors.index.json")
  static let configuration = ScratchFile("model/config.json")
  static let weights = ScratchFile("model/model.safetensors")
  static let video = ScratchFile("clip.mp4")
  static let table = ScratchFile("table.csv")
  static let segments = ScratchFile("segments.csv")

  private static let folder: URL = {
    let folder = URL(fileURLWithPath: "/dev/shm/m2pt-fuzz-\(getpid())")
    let model = folder.appendingPathComponent("model")
    try? FileManager.default.createDirectory(at: model, withIntermediateDirectories: true)
    // A shard for indexes to name.
    let header = #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
    let shard = Data([UInt8(header.utf8.count)] + [UInt8](repeating: 0, count: 7) + Array(header.utf8) + [0, 0, 0, 0])
    try? shard.write(to: folder.appendingPathComponent("a"))
    // What a table of AudioSet's segments refers to.
    let classes = "index,mid,display_name\n0,/m/09x0r,Speech\n1,/m/0bt9lr,Dog\n2,/m/04rlf,\"Music, soft\"\n"
    try? Data(classes.utf8).write(to: folder.appendingPathComponent("class_labels_indices.csv"))
    try? Data().write(to: folder.appendingPathComponent("-0RWZT-miFs.wav"))
    atexit { try? FileManager.default.removeItem(atPath: "/dev/shm/m2pt-fuzz-\(getpid())") }
    return folder
  }()

  private let url: URL
  private let descriptor: CInt

  private init(_ name: String) {
    url = Self.folder.appendingPathComponent(name)
    descriptor = open(url.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
  }

  /// The file with this content. It stays open: creating it would take longer than most inputs.
  @discardableResult
  func holding(_ data: Data) throws -> URL {
    let written = data.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    precondition(written == data.count && ftruncate(descriptor, off_t(data.count)) == 0)
    return url
  }
}
