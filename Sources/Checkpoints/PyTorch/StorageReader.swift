/// Makes tensors of the storages that a pickle describes.
struct StorageReader {
  private let file: MappedFile
  private let pickle: Pickle
  private let storages: [String: Range<Int>]
  private let prefix: String
  /// Bytes that copies may still have: a small file must not fill the memory by repeating itself.
  private var copyAllowance: Int

  /// How many times the file's size copies may have together.
  static let copyLimit = 4

  /// - Parameters:
  ///   - storages: bytes of the file by name.
  ///   - prefix: what stands before a storage's key in its name.
  init(file: MappedFile, pickle: Pickle, storages: [String: Range<Int>], prefix: String) {
    self.file = file
    self.pickle = pickle
    self.storages = storages
    self.prefix = prefix
    let (allowance, overflow) = file.bytes.count.multipliedReportingOverflow(by: Self.copyLimit)
    copyAllowance = overflow ? .max : allowance
  }

  /// A view of the mapping where the tensor is contiguous, else a row-major copy.
  ///
  /// - Throws: `CheckpointError.unknownElementType`, `.badShape`, `.badStorage`.
  mutating func tensor(_ tensor: PickledTensor, name: String) throws -> Tensor {
    let path = file.url.path
    guard let type = PickleGlobal.elementTypes[tensor.type] else {
      throw CheckpointError.unknownElementType(file: path, tensor: name, found: "torch.\(tensor.type)")
    }
    func bad(_ reason: String) -> CheckpointError { .badShape(file: path, tensor: name, reason: reason) }
    guard tensor.shape.count == tensor.strides.count, tensor.offset >= 0,
      (tensor.shape + tensor.strides).allSatisfy({ $0 >= 0 })
    else {
      throw bad("shape \(tensor.shape), strides \(tensor.strides), offset \(tensor.offset)")
    }
    guard let byteCount = type.byteCount(ofShape: tensor.shape) else { throw bad("\(tensor.shape) overflows 64 bits") }
    let bytes = try storage(pickle.storages[tensor.storage], name: name)
    guard byteCount > 0 else { return Tensor(elementType: type, shape: tensor.shape) { _ in } }
    guard let last = Self.lastElement(of: tensor), last < bytes.count / type.byteCount,
      let base = bytes.baseAddress.map({ $0 + tensor.offset * type.byteCount })
    else {
      throw CheckpointError.badStorage(
        file: path, tensor: name,
        reason: "its elements reach beyond the \(bytes.count / type.byteCount) of its storage: shape "
          + "\(tensor.shape), strides \(tensor.strides), offset \(tensor.offset)")
    }
    if Self.isContiguous(tensor) { return Tensor(elementType: type, shape: tensor.shape, base: base, owner: file) }
    guard byteCount <= copyAllowance else {
      throw CheckpointError.badStorage(
        file: path, tensor: name,
        reason: "it is not contiguous, and copies of such tensors would have more than \(Self.copyLimit) times the "
          + "file's \(file.bytes.count) bytes; save it again after .contiguous()")
    }
    copyAllowance -= byteCount
    return Self.copied(base, type, tensor)
  }

  /// All bytes of a storage, which must be as many as the pickle says.
  private func storage(_ storage: PickledStorage, name: String) throws -> UnsafeRawBufferPointer {
    func bad(_ reason: String) -> CheckpointError { .badStorage(file: file.url.path, tensor: name, reason: reason) }
    guard let range = storages[prefix + storage.key] else { throw bad("there is no entry '\(prefix)\(storage.key)'") }
    guard let type = PickleGlobal.elementTypes[storage.type] else { throw bad("it is a torch.\(storage.type)") }
    guard storage.count >= 0, type.byteCount(ofShape: [storage.count]) == range.count else {
      throw bad("\(storage.count) elements of \(storage.type) were expected, and \(range.count) bytes found")
    }
    return UnsafeRawBufferPointer(rebasing: file.bytes[range])
  }

  /// Where the last element of a tensor that has any lies, in elements of the storage; nil where that overflows.
  private static func lastElement(of tensor: PickledTensor) -> Int? {
    var last = tensor.offset
    for (extent, stride) in zip(tensor.shape, tensor.strides) {
      let (reach, overflows) = (extent - 1).multipliedReportingOverflow(by: stride)
      let (sum, exceeds) = last.addingReportingOverflow(reach)
      if overflows || exceeds { return nil }
      last = sum
    }
    return last
  }

  /// Whether the elements lie in row-major order without gaps; how far apart the only one of a dimension is does not
  /// matter.
  private static func isContiguous(_ tensor: PickledTensor) -> Bool {
    var expected = 1
    for (extent, stride) in zip(tensor.shape, tensor.strides).reversed() where extent != 1 {
      guard stride == expected else { return false }
      expected *= extent
    }
    return true
  }

  private static func copied(_ base: UnsafeRawPointer, _ type: ElementType, _ tensor: PickledTensor) -> Tensor {
    Tensor(elementType: type, shape: tensor.shape) { target in
      switch type.byteCount {
      case 1: gather(UInt8.self, base, tensor, target)
      case 2: gather(UInt16.self, base, tensor, target)
      case 4: gather(UInt32.self, base, tensor, target)
      default: gather(UInt64.self, base, tensor, target)
      }
    }
  }

  private static func gather<Bits: FixedWidthInteger>(
    _: Bits.Type, _ base: UnsafeRawPointer, _ tensor: PickledTensor, _ target: UnsafeMutableRawBufferPointer
  ) {
    let size = MemoryLayout<Bits>.size
    let (row, step) = (tensor.shape.last ?? 1, tensor.strides.last ?? 0)
    // The outer dimensions as a counter, the last of them running fastest.
    var counter = [Int](repeating: 0, count: max(0, tensor.shape.count - 1))
    // SAFETY: the caller made sure that every element lies in the storage; `target` has room for all of them.
    for start in stride(from: 0, to: target.count, by: row * size) {
      let source = base + zip(counter, tensor.strides).reduce(0) { $0 + $1.0 * $1.1 } * size
      for index in 0..<row {
        let bits = source.loadUnaligned(fromByteOffset: index * step * size, as: Bits.self)
        target.storeBytes(of: bits, toByteOffset: start + index * size, as: Bits.self)
      }
      for dimension in counter.indices.reversed() {
        counter[dimension] += 1
        if counter[dimension] < tensor.shape[dimension] { break }
        counter[dimension] = 0
      }
    }
  }
}
