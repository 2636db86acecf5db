import Foundation

extension Checkpoint {
  /// Writes a safetensors file: to a temporary file beside it, then renamed, so that `url` is either whole or
  /// untouched.
  ///
  /// The bytes depend on tensors and metadata alone. Tensors go by element size, largest first, then by name; the data
  /// begins at a multiple of 64 bytes and every tensor at a multiple of its element size. Links, permissions and
  /// durability: `AtomicFile.write`.
  ///
  /// - Throws: `CheckpointError.unwritable`, also where `init(contentsOf:)` would refuse the file: a tensor named
  ///   `__metadata__`, more than `Safetensors.largestRank` dimensions, a header over `Safetensors.headerLimit` bytes.
  public func write(to url: URL) throws {
    let ordered = tensors.sorted {
      ($1.value.elementType.byteCount, $0.key) < ($0.value.elementType.byteCount, $1.key)
    }
    let header = try header(ordered, file: url.path)
    try AtomicFile.write(to: url) { file in
      try withUnsafeBytes(of: UInt64(header.count).littleEndian) { try file.append($0) }
      try header.withUnsafeBytes { try file.append($0) }
      for (_, tensor) in ordered { try tensor.withUnsafeBytes { try file.append($0) } }
    }
  }

  private func header(_ ordered: [(key: String, value: Tensor)], file: String) throws -> [UInt8] {
    var header: [UInt8] = [UInt8(ascii: "{")]
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { "\(Self.quoted($0.key)):\(Self.quoted($0.value))" }
      header += "\"__metadata__\":{\(pairs.joined(separator: ","))}".utf8
    }
    var offset = 0
    for (name, tensor) in ordered {
      guard name != "__metadata__" else {
        throw CheckpointError.unwritable(
          file: file, reason: "a tensor is named '__metadata__', which safetensors keeps for itself; rename it")
      }
      guard tensor.shape.count <= Safetensors.largestRank else {
        throw CheckpointError.unwritable(
          file: file,
          reason: "tensor '\(name)' has \(tensor.shape.count) dimensions, the limit is \(Safetensors.largestRank)")
      }
      if header.count > 1 { header.append(UInt8(ascii: ",")) }
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      let end = offset + tensor.byteCount
      header += Self.quoted(name).utf8
      header += ":{\"dtype\":\"\(tensor.elementType.rawValue)\",\"shape\":[\(shape)],".utf8
      header += "\"data_offsets\":[\(offset),\(end)]}".utf8
      offset = end
    }
    header.append(UInt8(ascii: "}"))
    while (8 + header.count) % 64 != 0 { header.append(UInt8(ascii: " ")) }
    guard header.count <= Safetensors.headerLimit else {
      throw CheckpointError.unwritable(
        file: file,
        reason: "names and metadata make a header of \(header.count) bytes, the limit is \(Safetensors.headerLimit)")
    }
    return header
  }

  /// A JSON string literal.
  private static func quoted(_ text: String) -> String {
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
