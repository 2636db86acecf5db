// The safetensors format (github.com/huggingface/safetensors, "Format"): 8 bytes little-endian header length, a JSON header,
// then the tensors' bytes without gaps. Everything is checked before a tensor is handed out.

/// Reads and validates one file. Tensors are views of the mapping.
enum Safetensors {
  /// The format's own limit.
  static let headerLimit = 100_000_000

  static func read(_ file: MappedFile) throws -> (tensors: [String: Tensor], metadata: [String: String]) {
    let path = file.url.path
    // A good header may begin with any kind's magic bytes (a length of 640 is a pickle's), so kinds are told apart only where
    // the length cannot be one.
    guard file.count >= 10 else {
      try rejectOtherKinds(file)
      throw CheckpointError.tooShort(file: path, bytes: file.count)
    }
    let length = UInt64(littleEndian: file.base.loadUnaligned(as: UInt64.self))
    if length > UInt64(min(headerLimit, file.count - 8)) { try rejectOtherKinds(file) }
    guard length <= UInt64(headerLimit) else {
      throw CheckpointError.headerTooLong(file: path, bytes: length, limit: headerLimit)
    }
    guard length <= UInt64(file.count - 8) else {
      throw CheckpointError.headerBeyondFile(file: path, header: length, size: file.count)
    }
    let headerCount = Int(length)
    var parser = HeaderParser(UnsafeRawBufferPointer(start: file.base + 8, count: headerCount), file: path)
    let data = file.base + 8 + headerCount
    let dataCount = file.count - 8 - headerCount

    var metadata: [String: String] = [:]
    var tensors: [String: Tensor] = [:]
    var ranges: [(range: Range<Int>, name: String)] = []
    for (name, value) in try parser.parse() {
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
      // Swift's dictionary takes two spellings of one letter for one name; neither may vanish.
      guard tensors.updateValue(tensor, forKey: name) == nil else {
        throw CheckpointError.duplicateName(file: path, name: name)
      }
      ranges.append((range, name))
    }
    try checkCover(&ranges, dataCount: dataCount, path: path)
    return (tensors, metadata)
  }

  private static func entry(
    _ members: [(key: String, value: HeaderValue)], name: String, path: String, dataCount: Int
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
    guard offsets.count == 2, offsets[0] <= offsets[1], offsets[1] <= dataCount else {
      throw CheckpointError.badOffsets(
        file: path, tensor: name, reason: "found \(offsets), expected [begin, end] within the \(dataCount) bytes of data")
    }
    var bytes = type.byteCount
    for extent in shape {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: extent)
      guard !overflow else {
        throw CheckpointError.badShape(file: path, tensor: name, reason: "\(shape) overflows 64 bits")
      }
      bytes = product
    }
    guard bytes == offsets[1] - offsets[0] else {
      throw CheckpointError.sizeMismatch(file: path, tensor: name, expected: bytes, found: offsets[1] - offsets[0])
    }
    return (type, shape, offsets[0]..<offsets[1])
  }

  private static func integers(_ values: [HeaderValue], of key: String, name: String, path: String) throws -> [Int] {
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
          file: path, tensor: name, reason: "begins at \(range.lowerBound), inside another tensor that ends at \(end)")
      }
      guard range.lowerBound == end else {
        throw CheckpointError.uncoveredBytes(file: path, from: end, to: range.lowerBound)
      }
      end = range.upperBound
    }
    guard end == dataCount else { throw CheckpointError.uncoveredBytes(file: path, from: end, to: dataCount) }
  }

  /// Names the kinds of file that people have in the place of a safetensors file.
  private static func rejectOtherKinds(_ file: MappedFile) throws {
    let head = UnsafeRawBufferPointer(start: file.base, count: min(file.count, 64))
    let kinds: [(prefix: [UInt8], name: String)] = [
      (Array("PK\u{3}\u{4}".utf8), "a zip archive (a PyTorch .pth?)"), ([0x80, 0x02], "a Python pickle (an old .pth?)"),
      (Array("version https://git-lfs".utf8), "a Git LFS pointer instead of the file itself (run `git lfs pull`)"),
      (Array("<!DOCTYPE".utf8), "an HTML page"), (Array("<html".utf8), "an HTML page"), (Array("GGUF".utf8), "a GGUF file"),
    ]
    for kind in kinds where head.starts(with: kind.prefix) {
      throw CheckpointError.unknownKind(file: file.url.path, found: kind.name)
    }
  }
}
