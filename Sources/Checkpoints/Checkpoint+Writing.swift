import Foundation

extension Checkpoint {
  /// Writes a safetensors file: to a temporary file in the same directory, then renamed, so that `url` is either whole
  /// or unchanged.
  ///
  /// The bytes depend only on tensors and metadata. Tensors are ordered by element size, largest first, then by name;
  /// the data begins at a multiple of 64 bytes and every tensor at a multiple of its element size. Links, permissions
  /// and durability: `AtomicFile.write`.
  ///
  /// - Throws: `CheckpointError.unwritable`, also if `init(contentsOf:)` would refuse the file: a tensor named
  ///   `__metadata__`, more than `Safetensors.largestRank` dimensions, a header over `Safetensors.headerLimit` bytes.
  public func write(to url: URL) throws {
    let plan = try SafetensorsPlan(
      tensors.mapValues { ($0.elementType, $0.shape) }, metadata: metadata, file: url.path)
    try AtomicFile.write(to: url) { file in
      try plan.header.withUnsafeBytes { try file.append($0) }
      for name in plan.names { try tensors[name]?.withUnsafeBytes { try file.append($0) } }
    }
  }
}

/// The layout of a safetensors file: its header, and the offset of every tensor.
package struct SafetensorsPlan {
  /// Names of the tensors in the order of the file.
  package let names: [String]
  /// Offsets from the beginning of the file, by name.
  package private(set) var offsets: [String: Int] = [:]
  /// All bytes before those of the first tensor: the length of the header, and the header.
  package let header: [UInt8]

  /// The plan depends only on its arguments; metadata of equal length give equal offsets.
  ///
  /// - Parameters:
  ///   - tensors: element type and shape by name; the sum of their bytes fits an `Int`.
  ///   - file: names the file in errors.
  ///   - headerSize: the header is filled up to this size with spaces; 0: as short as possible.
  /// - Throws: `CheckpointError.unwritable`: see `Checkpoint.write`.
  package init(
    _ tensors: [String: (type: ElementType, shape: [Int])], metadata: [String: String], file: String,
    headerSize: Int = 0
  ) throws {
    let ordered = tensors.sorted { ($1.value.type.byteCount, $0.key) < ($0.value.type.byteCount, $1.key) }
    names = ordered.map(\.key)
    var text: [UInt8] = [UInt8(ascii: "{")]
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { "\(Self.quoted($0.key)):\(Self.quoted($0.value))" }
      text += "\"__metadata__\":{\(pairs.joined(separator: ","))}".utf8
    }
    var end = 0
    for (name, (type, extents)) in ordered {
      guard name != "__metadata__" else {
        throw CheckpointError.unwritable(
          file: file, reason: "a tensor is named '__metadata__', a name that safetensors reserves; rename it")
      }
      guard extents.count <= Safetensors.largestRank else {
        throw CheckpointError.unwritable(
          file: file,
          reason: "tensor '\(name)' has \(extents.count) dimensions, the limit is \(Safetensors.largestRank)")
      }
      if text.count > 1 { text.append(UInt8(ascii: ",")) }
      let begin = end
      end += extents.reduce(type.byteCount, *)
      let shape = extents.map(String.init).joined(separator: ",")
      text += Self.quoted(name).utf8
      text += ":{\"dtype\":\"\(type.rawValue)\",\"shape\":[\(shape)],".utf8
      text += "\"data_offsets\":[\(begin),\(end)]}".utf8
      offsets[name] = begin
    }
    text.append(UInt8(ascii: "}"))
    while (8 + text.count) % 64 != 0 || 8 + text.count < headerSize { text.append(UInt8(ascii: " ")) }
    guard text.count <= Safetensors.headerLimit else {
      throw CheckpointError.unwritable(
        file: file,
        reason: "names and metadata make a header of \(text.count) bytes, the limit is \(Safetensors.headerLimit)")
    }
    header = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text
    for name in names { offsets[name]? += header.count }
  }

  /// A JSON string literal.
  package static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
