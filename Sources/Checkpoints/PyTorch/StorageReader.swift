import PathwayKernels

/// Makes tensors from the storages that a pickle describes.
struct StorageReader {
  private let file: MappedFile
  private let pickle: Pickle
  private let storages: [String: Range<Int>]
  private let prefix: String
  /// Bytes that further copies may have: a small file must not fill the memory by repeating itself.
  private var copyAllowance: Int
  /// Names of the storages that tensors were made of.
  private(set) var used: Set<String> = []

  /// The limit of the bytes of all copies, in multiples of the size of the file.
  static let copyLimit = 4

  /// - Parameters:
  ///   - storages: bytes of the file by name.
  ///   - prefix: the part of an entry's name before the key of the storage.
  init(file: MappedFile, pickle: Pickle, storages: [String: Range<Int>], prefix: String) {
    self.file = file
    self.pickle = pickle
    self.storages = storages
    self.prefix = prefix
    let (allowance, overflow) = file.bytes.count.multipliedReportingOverflow(by: Self.copyLimit)
    copyAllowance = overflow ? .max : allowance
  }

  /// The tensor of a value: a view of the mapping if it is contiguous, else a row-major copy.
  ///
  /// - Throws: `CheckpointError.unknownElementType`, `.badShape`, `.badStorage`, `.unreadableTensor`.
  mutating func tensor(_ value: PickleValue, name: String) throws -> Tensor {
    switch value {
    case .tensor(let index): try tensor(pickle.tensors[index], name: name)
    case .array(let index): try tensor(pickle.arrays[index], name: name)
    default:
      throw CheckpointError.unreadableTensor(
        file: file.path, tensor: name, found: pickle.description(of: value))
    }
  }

  private mutating func tensor(_ tensor: PickledTensor, name: String) throws -> Tensor {
    guard let type = PickleGlobal.elementTypes[tensor.type] else {
      throw CheckpointError.unknownElementType(file: file.path, tensor: name, found: "torch.\(tensor.type)")
    }
    guard let shape = pickle.integers(tensor.shape), let strides = pickle.integers(tensor.strides) else {
      throw CheckpointError.badShape(
        file: file.path, tensor: name, reason: "it is not made of at most \(Safetensors.largestRank) integers")
    }
    let bytes = try storage(pickle.storages[tensor.storage], name: name)
    return try self.tensor(
      StridedLayout(
        type: type, shape: shape, strides: strides, offset: tensor.offset, isNegative: tensor.isNegative),
      of: bytes, name: name)
  }

  private mutating func tensor(_ array: PickledArray, name: String) throws -> Tensor {
    func unreadable(_ reason: String) -> CheckpointError {
      .unreadableTensor(file: file.path, tensor: name, found: "a NumPy array \(reason)")
    }
    guard let type = array.type.flatMap({ pickle.elementType(ofArrayType: $0) }) else {
      throw unreadable("whose type is not little-endian real numbers, whole numbers or truth values")
    }
    guard let shape = array.shape.flatMap({ pickle.integers($0) }), shape.allSatisfy({ $0 >= 0 }),
      let byteCount = type.byteCount(ofShape: shape)
    else { throw unreadable("with an invalid shape") }
    // The bytes of an empty array can have other spellings.
    if byteCount == 0 { return Tensor(elementType: type, shape: shape) { _ in } }
    let mismatch = "whose bytes are not the \(byteCount) of its shape \(shape) and type \(type.rawValue)"
    let layout = StridedLayout(type: type, compact: shape, isColumnMajor: array.isColumnMajor)
    switch array.content {
    case .bytes(let range):
      guard range.count == byteCount else { throw unreadable(mismatch) }
      return try tensor(layout, of: UnsafeRawBufferPointer(rebasing: pickle.bytes[range]), name: name)
    case .latin(let range):
      try allow(byteCount, name: name)
      guard let bytes = pickle.latinBytes(range, count: byteCount) else { throw unreadable(mismatch) }
      let rows = Tensor(elementType: type, shape: shape) { $0.copyBytes(from: bytes) }
      guard array.isColumnMajor else { return rows }
      return try rows.withUnsafeBytes { try self.tensor(layout, of: $0, name: name, mayView: false) }
    default: throw unreadable("without bytes")
    }
  }

  /// A tensor of bytes of the file, or of other bytes if `mayView` is false.
  private mutating func tensor(
    _ layout: StridedLayout, of bytes: UnsafeRawBufferPointer, name: String, mayView: Bool = true
  ) throws -> Tensor {
    let path = file.path
    let (type, shape) = (layout.type, layout.shape)
    func bad(_ reason: String) -> CheckpointError { .badShape(file: path, tensor: name, reason: reason) }
    guard shape.count == layout.strides.count, layout.offset >= 0, (shape + layout.strides).allSatisfy({ $0 >= 0 })
    else {
      throw bad("shape \(shape), strides \(layout.strides), offset \(layout.offset)")
    }
    guard let byteCount = type.byteCount(ofShape: shape) else { throw bad("\(shape) overflows 64 bits") }
    guard byteCount > 0 else { return Tensor(elementType: type, shape: shape) { _ in } }
    guard let last = layout.lastElement, last < bytes.count / type.byteCount,
      let base = bytes.baseAddress.map({ $0 + layout.offset * type.byteCount })
    else {
      throw CheckpointError.badStorage(
        file: path, tensor: name,
        reason: "its elements reach beyond the \(bytes.count / type.byteCount) elements of its storage: shape "
          + "\(shape), strides \(layout.strides), offset \(layout.offset)")
    }
    if layout.isContiguous, !layout.isNegative, mayView {
      return Tensor(elementType: type, shape: shape, base: base, owner: file)
    }
    if layout.isNegative, type == .bool {
      throw CheckpointError.unreadableTensor(file: path, tensor: name, found: "a view that negates truth values")
    }
    try allow(byteCount, name: name)
    return layout.copied(base)
  }

  /// Counts the bytes of a copy.
  private mutating func allow(_ byteCount: Int, name: String) throws {
    guard byteCount <= copyAllowance else {
      throw CheckpointError.badStorage(
        file: file.path, tensor: name,
        reason: "it is not contiguous, and the copies of such tensors would exceed \(Self.copyLimit) times the "
          + "\(file.bytes.count) bytes of the file; save it again after .contiguous()")
    }
    try SystemMemory.require(byteCount, for: .weights)
    copyAllowance -= byteCount
  }

  /// All bytes of a storage. Their number must be that of the pickle.
  private mutating func storage(_ storage: PickledStorage, name: String) throws -> UnsafeRawBufferPointer {
    func bad(_ reason: String) -> CheckpointError { .badStorage(file: file.path, tensor: name, reason: reason) }
    guard storage.key.count <= 256 else { throw bad("the name of its entry has \(storage.key.count) bytes") }
    let entry = prefix + pickle.string(storage.key)
    guard let range = storages[entry] else { throw bad("there is no entry '\(entry)'") }
    guard let type = PickleGlobal.elementTypes[storage.type] else {
      throw bad("its type torch.\(storage.type) is not supported")
    }
    guard storage.count >= 0, type.byteCount(ofShape: [storage.count]) == range.count else {
      throw bad("found \(range.count) bytes, expected \(storage.count) elements of \(storage.type)")
    }
    used.insert(entry)
    return UnsafeRawBufferPointer(rebasing: file.bytes[range])
  }
}
