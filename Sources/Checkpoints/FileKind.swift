import Foundation

/// Kinds of files that are mistaken for safetensors files, recognized by their first bytes.
enum FileKind {
  /// The kind of file, and how to get a file that can be read; nil for an unknown kind.
  static func recognize(_ bytes: UnsafeRawBufferPointer) -> (found: String, advice: String)? {
    let head = Array(bytes.prefix(512))
    if let known = binaries.first(where: { head.dropFirst($0.offset).starts(with: $0.magic) }) {
      return (known.found, known.advice)
    }
    // Protocols 2 to 5 begin with their number; 0 and 1 with the opcode of a value: these open a dictionary or a list.
    if head.starts(with: legacy) { return ("a checkpoint of PyTorch before 1.6", fromPickle) }
    if head.count >= 2, head[0] == 0x80, (2...5).contains(head[1]) { return (pickle, fromPickle) }
    if [Array("(dp".utf8), Array("(lp".utf8), Array("}q".utf8), Array("]q".utf8), Array("ccollections".utf8)]
      .contains(where: { head.starts(with: $0) })
    {
      return (pickle, fromPickle)
    }
    // A protobuf message whose field 1 is a small version number, then ONNX's producer, domain, graph or operator set.
    if head.count >= 3, head[0] == 0x08, (1...20).contains(head[1]), [0x12, 0x1A, 0x22, 0x3A, 0x42].contains(head[2]) {
      return ("an ONNX model", "take the checkpoint that it was exported from")
    }
    return text(head)
  }

  private static let pickle = "a Python pickle (an old .pth or .pt?)"
  /// Protocol 2, then PyTorch's magic number 0x1950A86A20F9469CFC6C.
  private static let legacy: [UInt8] = [
    0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19,
  ]
  private static let fromPickle =
    "save it again in Python with PyTorch 1.6 or later: torch.save(torch.load(FILE, weights_only=True), 'model.pth')"
  private static let fromServer = "download the file again; a private or gated one needs a token"

  private static let binaries: [(offset: Int, magic: [UInt8], found: String, advice: String)] = [
    (0, Array("PK\u{5}\u{6}".utf8), "an empty zip archive", "download the file again"),
    (
      0, [0x89] + Array("HDF\r\n\u{1A}\n".utf8), "an HDF5 file (Keras?)",
      "take the PyTorch or safetensors version of the model"
    ),
    (0, Array("GGUF".utf8), "a GGUF file", "take the safetensors file that it was made from"),
    (0, [0x93] + Array("NUMPY".utf8), "a NumPy array", "write it with Python's safetensors.numpy.save_file"),
    (4, Array("TFL3".utf8), "a TensorFlow Lite model", "take the checkpoint that it was converted from"),
    (0, [0x1F, 0x8B], "a gzip archive", "unpack it first"),
    (
      257, Array("ustar".utf8), "a tar archive",
      "unpack it; if it is a checkpoint of PyTorch before 0.1.10, save it again"
    ),
    (
      0, Array("version https://git-lfs".utf8), "a Git LFS pointer instead of the file itself",
      "run `git lfs pull` in its repository"
    ),
  ]

  /// Pages and messages that servers send with status 200, saved under the name of the model.
  private static func text(_ head: [UInt8]) -> (found: String, advice: String)? {
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    let start = String(decoding: head.dropFirst(head.starts(with: mark) ? 3 : 0), as: UTF8.self)
      .drop { $0.isWhitespace }.lowercased()
    if ["<!doctype html", "<html", "<head", "<!--"].contains(where: start.hasPrefix) {
      return ("an HTML page", fromServer)
    }
    if start.hasPrefix("<?xml") || start.hasPrefix("<error") { return ("an XML document", fromServer) }
    guard start.hasPrefix("{") || start.hasPrefix("[") else { return nil }
    if start.contains("\"weight_map\"") {
      return ("a shard index", "name it model.safetensors.index.json, next to its shards")
    }
    return ("JSON text (a server's message?)", fromServer)
  }
}
