import PathwayKernels

/// Why a checkpoint cannot be read or written: what was found, what was expected, what to do.
public enum CheckpointError: CodedError, Equatable {
  /// The system cannot read the file, or the file does not exist.
  case unreadable(file: String, reason: String)
  /// The file cannot be written; nothing is left under its name.
  case unwritable(file: String, reason: String)
  /// The file is neither safetensors nor PyTorch; `advice` says what to do.
  case unknownKind(file: String, found: String, advice: String)
  /// The file has fewer bytes than the shortest safetensors file.
  case tooShort(file: String, bytes: Int)
  /// A safetensors header that is longer than the limit, in bytes.
  case headerTooLong(file: String, bytes: UInt64, limit: Int)
  /// A safetensors header that ends after the file, both in bytes.
  case headerBeyondFile(file: String, header: UInt64, size: Int)
  /// A safetensors header that is not the JSON that the format requires.
  case malformedHeader(file: String, reason: String)
  /// A name that appears twice.
  case duplicateName(file: String, name: String)
  /// A type of numbers that is not in `ElementType`.
  case unknownElementType(file: String, tensor: String, found: String)
  /// A shape that no tensor has: a negative or fractional extent, or too many elements.
  case badShape(file: String, tensor: String, reason: String)
  /// A `data_offsets` that is not a range of bytes.
  case badOffsets(file: String, tensor: String, reason: String)
  /// A tensor whose shape and place agree and that ends after the file.
  case dataBeyondFile(file: String, tensor: String, end: Int, data: Int)
  /// A range of bytes whose length does not match shape and type.
  case sizeMismatch(file: String, tensor: String, expected: Int, found: Int)
  /// A range of data bytes that belongs to no tensor.
  case uncoveredBytes(file: String, from: Int, to: Int)
  /// A shard index that is not the JSON that the format requires, or that names shards without its tensors.
  case badIndex(file: String, reason: String)
  /// A PyTorch file that is not a valid zip archive.
  case malformedArchive(file: String, reason: String)
  /// A pickle that violates its format before the byte `offset`.
  case malformedPickle(file: String, offset: Int, reason: String)
  /// A pickle that uses a feature that this reader does not support.
  case unsupportedPickle(file: String, found: String)
  /// A pickle refers to code that it would run.
  case code(file: String, name: String)
  /// A tensor that does not fit the storage that it refers to.
  case badStorage(file: String, tensor: String, reason: String)
  /// A well-formed file without tensors.
  case noTensors(file: String, found: String)
  /// Several sets of weights between which no rule decides.
  case ambiguousTensors(file: String, keys: [String])
  /// A key of weights that a file does not have.
  case unknownWeights(file: String, key: String, known: [String])
  /// A tensor of a kind that is not read.
  case unreadableTensor(file: String, tensor: String, found: String)
  /// An entry of an archive whose bytes do not match its checksum.
  case checksum(file: String, entry: String)
  /// Whole numbers or booleans where real numbers are expected.
  case notFloatingPoint(found: ElementType)

  /// The identifier of the case, stable within a major version.
  public var code: String {
    switch self {
    case .unreadable: "checkpoint.unreadable"
    case .unwritable: "checkpoint.unwritable"
    case .unknownKind: "checkpoint.unknown-kind"
    case .tooShort: "checkpoint.too-short"
    case .headerTooLong: "checkpoint.header-too-long"
    case .headerBeyondFile: "checkpoint.header-beyond-file"
    case .malformedHeader: "checkpoint.malformed-header"
    case .duplicateName: "checkpoint.duplicate-name"
    case .unknownElementType: "checkpoint.unknown-element-type"
    case .badShape: "checkpoint.bad-shape"
    case .badOffsets: "checkpoint.bad-offsets"
    case .dataBeyondFile: "checkpoint.data-beyond-file"
    case .sizeMismatch: "checkpoint.size-mismatch"
    case .uncoveredBytes: "checkpoint.uncovered-bytes"
    case .badIndex: "checkpoint.bad-index"
    case .malformedArchive: "checkpoint.malformed-archive"
    case .malformedPickle: "checkpoint.malformed-pickle"
    case .unsupportedPickle: "checkpoint.unsupported-pickle"
    case .code: "checkpoint.executable-pickle"
    case .badStorage: "checkpoint.bad-storage"
    case .noTensors: "checkpoint.no-tensors"
    case .ambiguousTensors: "checkpoint.ambiguous-tensors"
    case .unknownWeights: "checkpoint.unknown-weights"
    case .unreadableTensor: "checkpoint.unreadable-tensor"
    case .checksum: "checkpoint.checksum"
    case .notFloatingPoint: "checkpoint.not-floating-point"
    }
  }

  /// What was found, what was expected and what to do, on one line: text from files is escaped.
  public var description: String { text.onOneLine() }

  private var text: String {
    switch self {
    case .unreadable(let file, let reason): "\(file): cannot be read: \(reason)"
    case .unwritable(let file, let reason): "\(file): cannot be written: \(reason)"
    case .unknownKind(let file, let found, let advice):
      "\(file): found \(found), expected a safetensors file, one of PyTorch's since 1.6, an index of either, or a "
        + "directory with one; \(advice)"
    case .tooShort(let file, let bytes):
      "\(file): has \(bytes) bytes, a safetensors file has at least 10; download or copy it again"
    case .headerTooLong(let file, let bytes, let limit):
      "\(file): declares a header of \(bytes) bytes, the limit is \(limit); this is not a safetensors file"
    case .headerBeyondFile(let file, let header, let size):
      "\(file): declares a header of \(header) bytes, but the file has only \(size); "
        + "it is truncated, or not a safetensors file; download or copy it again"
    case .malformedHeader(let file, let reason): "\(file): the safetensors header is malformed: \(reason)"
    case .duplicateName(let file, let name): "\(file): the name '\(name)' appears twice"
    case .unknownElementType(let file, let tensor, let found):
      "\(file): tensor '\(tensor)' has type '\(found)', expected one of "
        + ElementType.allCases.map(\.rawValue).joined(separator: ", ")
    case .badShape(let file, let tensor, let reason): "\(file): tensor '\(tensor)' has a bad shape: \(reason)"
    case .badOffsets(let file, let tensor, let reason): "\(file): tensor '\(tensor)' has bad data_offsets: \(reason)"
    case .sizeMismatch(let file, let tensor, let expected, let found):
      "\(file): tensor '\(tensor)' needs \(expected) bytes for its shape and type, its data_offsets hold \(found)"
    case .dataBeyondFile(let file, let tensor, let end, let data):
      "\(file): tensor '\(tensor)' ends at byte \(end) of the data (data_offsets), but the file has \(data) bytes of "
        + "data: it is truncated; download or copy it again"
    case .uncoveredBytes(let file, let from, let to):
      "\(file): data bytes \(from)..<\(to) belong to no tensor, which safetensors does not allow; write the file again"
    case .badIndex(let file, let reason): "\(file): the shard index is malformed: \(reason)"
    case .malformedArchive(let file, let reason): "\(file): the zip archive is malformed: \(reason)"
    case .malformedPickle(let file, let offset, let reason):
      "\(file): data.pkl is malformed before its byte \(offset): \(reason)"
    case .unsupportedPickle(let file, let found): "\(file): data.pkl has \(found), which this reader does not support"
    case .code(let file, let name):
      "\(file): data.pkl refers to '\(name)', which is code; this reader runs none. "
        + "Use a file that has only tensors: torch.save(model.state_dict(), FILE)"
    case .badStorage(let file, let tensor, let reason): "\(file): tensor '\(tensor)' has a bad storage: \(reason)"
    case .noTensors(let file, let found):
      "\(file): found \(found), expected a dictionary of tensors, at the top or under one of "
        + StateDictionary.wrappers.joined(separator: ", ")
    case .ambiguousTensors(let file, let keys):
      "\(file): there are tensors under each of \(keys.joined(separator: ", ")); choose one by its key "
        + "(the parameter `weights`)"
    case .unknownWeights(let file, let key, let known):
      "\(file): there are no tensors under '\(key)' (the parameter `weights`); "
        + (known.isEmpty
          ? "the file has one set of tensors and needs no key" : "keys: \(known.joined(separator: ", "))")
    case .unreadableTensor(let file, let tensor, let found):
      "\(file): '\(tensor)' is \(found), which is not supported; save it as a dense tensor of real numbers"
    case .checksum(let file, let entry):
      "\(file): the bytes of '\(entry)' do not match their checksum (CRC-32) in the archive: the file is damaged; "
        + "download or copy it again"
    case .notFloatingPoint(let found): "found a tensor of type \(found.rawValue), expected real numbers"
    }
  }
}
