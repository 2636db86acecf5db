// The safetensors format (github.com/huggingface/safetensors, "Format"): the length of the header in 8 bytes,
// little-endian; a JSON header; the bytes of the tensors without gaps. The whole header is checked before a tensor is
// made.

/// Reads and validates one file. Tensors are views of the mapping.
enum Safetensors {
  /// The limit of the format, in bytes.
  static let headerLimit = 100_000_000
  /// The most dimensions of a tensor; the limit of PyTorch and NumPy is 64 as well.
  static let largestRank = 64

  static func read(_ file: MappedFile) throws -> (tensors: [String: Tensor], metadata: [String: String]) {
    let path = file.path
    // A valid header may begin with the magic bytes of another kind (a length of 640 begins like a pickle), so kinds
    // are recognized only if the length is impossible.
    guard let base = file.bytes.baseAddress, file.bytes.count >= 10 else {
      try rejectOtherKinds(file)
      throw CheckpointError.tooShort(file: path, bytes: file.bytes.count)
    }
    let length = UInt64(littleEndian: file.bytes.loadUnaligned(as: UInt64.self))
    if length > UInt64(min(headerLimit, file.bytes.count - 8)) { try rejectOtherKinds(file) }
    guard length <= UInt64(headerLimit) else {
      throw CheckpointError.headerTooLong(file: path, bytes: length, limit: headerLimit)
    }
    guard length <= UInt64(file.bytes.count - 8) else {
      throw CheckpointError.headerBeyondFile(file: path, header: length, size: file.bytes.count)
    }
    let headerCount = Int(length)
    // SAFETY: `file` outlives the parser; the header ends within the file, and so does all data after it.
    let members = try header(UnsafeRawBufferPointer(start: base + 8, count: headerCount), path)
    let data = base + 8 + headerCount
    let dataCount = file.bytes.count - 8 - headerCount

    var metadata: [String: String] = [:]
    var tensors: [String: Tensor] = [:]
    var ranges: [(range: Range<Int>, name: String)] = []
    for (name, value) in members.sorted(by: { $0.key < $1.key }) {
      // The reader of the format's authors accepts null as no metadata.
      if name == "__metadata__", value == .null { continue }
      guard case .object(let members) = value else {
        throw CheckpointError.malformedHeader(file: path, reason: "'\(name)' is not an object")
      }
      if name == "__metadata__" {
        for (key, value) in members {
          guard case .string(let text) = value else {
            throw CheckpointError.malformedHeader(file: path, reason: "metadata '\(key)' is not a string")
          }
          metadata[key] = text
        }
        continue
      }
      let (type, shape, range) = try entry(members, name: name, path: path, dataCount: dataCount)
      let tensor = Tensor(elementType: type, shape: shape, base: data + range.lowerBound, owner: file)
      tensors[name] = tensor
      ranges.append((range, name))
    }
    try checkCover(&ranges, dataCount: dataCount, path: path)
    return (tensors, metadata)
  }

  /// The members of a header's object.
  ///
  /// - Throws: `CheckpointError.malformedHeader`, `.duplicateName`.
  private static func header(_ bytes: UnsafeRawBufferPointer, _ path: String) throws -> [String: JSONValue] {
    var parser = JSONParser(bytes, .safetensorsHeader)
    do {
      guard case .object(let members) = try parser.parse() else { throw JSONError.malformed("it is not an object") }
      return members
    } catch JSONError.duplicate(let name) {
      throw CheckpointError.duplicateName(file: path, name: name)
    } catch let error as JSONError {
      throw CheckpointError.malformedHeader(file: path, reason: error.reason)
    }
  }

  private static func entry(
    _ members: [String: JSONValue], name: String, path: String, dataCount: Int
  ) throws -> (ElementType, [Int], Range<Int>) {
    var type: ElementType?
    var shape: [Int]?
    var offsets: [Int]?
    for (key, value) in members {
      switch (key, value) {
      case ("dtype", .string(let text)):
        guard let known = ElementType(rawValue: text) else {
          throw CheckpointError.unknownElementType(file: path, tensor: name, found: text)
        }
        type = known
      case ("shape", .array(let values)): shape = try integers(values, of: key, name: name, path: path)
      case ("data_offsets", .array(let values)): offsets = try integers(values, of: key, name: name, path: path)
      default:
        throw CheckpointError.malformedHeader(
          file: path, reason: "tensor '\(name)' has '\(key)', expected a dtype string, a shape and data_offsets")
      }
    }
    guard let type, let shape, let offsets else {
      throw CheckpointError.malformedHeader(file: path, reason: "tensor '\(name)' lacks dtype, shape or data_offsets")
    }
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw CheckpointError.badOffsets(file: path, tensor: name, reason: "found \(offsets), expected [begin, end]")
    }
    guard let bytes = type.byteCount(ofShape: shape) else {
      throw CheckpointError.badShape(file: path, tensor: name, reason: "\(shape) overflows 64 bits")
    }
    guard bytes == offsets[1] - offsets[0] else {
      throw CheckpointError.sizeMismatch(file: path, tensor: name, expected: bytes, found: offsets[1] - offsets[0])
    }
    guard offsets[1] <= dataCount else {
      throw CheckpointError.dataBeyondFile(file: path, tensor: name, end: offsets[1], data: dataCount)
    }
    return (type, shape, offsets[0]..<offsets[1])
  }

  private static func integers(_ values: [JSONValue], of key: String, name: String, path: String) throws -> [Int] {
    try values.map {
      guard case .integer(let number) = $0 else {
        throw CheckpointError.badShape(file: path, tensor: name, reason: "\(key) holds something other than integers")
      }
      return number
    }
  }

  /// Tensors must cover the data without gap or overlap.
  private static func checkCover(
    _ ranges: inout [(range: Range<Int>, name: String)], dataCount: Int, path: String
  ) throws {
    ranges.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
    var end = 0
    for (range, name) in ranges {
      guard range.lowerBound >= end else {
        throw CheckpointError.badOffsets(
          file: path, tensor: name,
          reason: "begins at \(range.lowerBound), inside another tensor that ends at \(end)")
      }
      guard range.lowerBound == end else {
        throw CheckpointError.uncoveredBytes(file: path, from: end, to: range.lowerBound)
      }
      end = range.upperBound
    }
    guard end == dataCount else { throw CheckpointError.uncoveredBytes(file: path, from: end, to: dataCount) }
  }

  private static func rejectOtherKinds(_ file: MappedFile) throws {
    guard let kind = FileKind.recognize(file.bytes) else { return }
    throw CheckpointError.unknownKind(file: file.path, found: kind.found, advice: kind.advice)
  }
}
