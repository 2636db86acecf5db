/// Why a checkpoint cannot be read or written: what was found, what was expected, what to do.
public enum CheckpointError: Error, Equatable, CustomStringConvertible {
  case unreadable(file: String, reason: String)
  case unwritable(file: String, reason: String)
  case unknownKind(file: String, found: String, advice: String)
  case tooShort(file: String, bytes: Int)
  case headerTooLong(file: String, bytes: UInt64, limit: Int)
  case headerBeyondFile(file: String, header: UInt64, size: Int)
  case malformedHeader(file: String, reason: String)
  case duplicateName(file: String, name: String)
  case unknownElementType(file: String, tensor: String, found: String)
  case badShape(file: String, tensor: String, reason: String)
  case badOffsets(file: String, tensor: String, reason: String)
  /// A tensor whose shape and place agree and that ends after the file.
  case dataBeyondFile(file: String, tensor: String, end: Int, data: Int)
  case sizeMismatch(file: String, tensor: String, expected: Int, found: Int)
  case uncoveredBytes(file: String, from: Int, to: Int)
  case badIndex(file: String, reason: String)
  case malformedArchive(file: String, reason: String)
  case malformedPickle(file: String, offset: Int, reason: String)
  /// A pickle that needs something this reader does not have.
  case unsupportedPickle(file: String, found: String)
  /// A pickle refers to something that it would have run.
  case code(file: String, name: String)
  case badStorage(file: String, tensor: String, reason: String)
  case noTensors(file: String, found: String)
  /// Several sets of weights with equal right to be the model's.
  case ambiguousTensors(file: String, keys: [String])
  /// A key of weights that a file does not have.
  case unknownWeights(file: String, key: String, known: [String])
  /// A tensor of a kind that is not read.
  case unreadableTensor(file: String, tensor: String, found: String)
  /// An entry of an archive whose bytes do not have the checksum that the archive gives.
  case checksum(file: String, entry: String)
  case notFloatingPoint(found: ElementType)

  /// One line, whatever names the file has in it.
  public var description: String { text.onOneLine() }

  private var text: String {
    switch self {
    case .unreadable(let file, let reason): "\(file): cannot be read: \(reason)"
    case .unwritable(let file, let reason): "\(file): cannot be written: \(reason)"
    case .unknownKind(let file, let found, let advice):
      "\(file): found \(found), expected a safetensors file, one of PyTorch's since 1.6, an index of either, or a "
        + "directory with one; \(advice)"
    case .tooShort(let file, let bytes):
      "\(file): \(bytes) bytes are too few for a safetensors file (at least 10); download or copy it again"
    case .headerTooLong(let file, let bytes, let limit):
      "\(file): says its header has \(bytes) bytes, the limit is \(limit); this is not a safetensors file"
    case .headerBeyondFile(let file, let header, let size):
      "\(file): says its header has \(header) bytes, but the file has only \(size); "
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
      "\(file): tensor '\(tensor)' ends at byte \(end) of the data (data_offsets), and the file has \(data) bytes: "
        + "it is truncated; "
        + "download or copy it again"
    case .uncoveredBytes(let file, let from, let to):
      "\(file): data bytes \(from)..<\(to) belong to no tensor, which safetensors does not allow; write the file again"
    case .badIndex(let file, let reason): "\(file): the shard index is malformed: \(reason)"
    case .malformedArchive(let file, let reason): "\(file): the zip archive is malformed: \(reason)"
    case .malformedPickle(let file, let offset, let reason):
      "\(file): data.pkl is malformed before its byte \(offset): \(reason)"
    case .unsupportedPickle(let file, let found): "\(file): data.pkl has \(found), which this reader does not support"
    case .code(let file, let name):
      "\(file): data.pkl refers to '\(name)', which is code; this reader runs none. "
        + "Take a file of tensors alone: torch.save(model.state_dict(), FILE)"
    case .badStorage(let file, let tensor, let reason): "\(file): tensor '\(tensor)' has a bad storage: \(reason)"
    case .noTensors(let file, let found):
      "\(file): found \(found), expected a dictionary of tensors, at the top or under one of "
        + StateDictionary.wrappers.joined(separator: ", ")
    case .ambiguousTensors(let file, let keys):
      "\(file): tensors are under each of \(keys.joined(separator: ", ")); choose one by its key "
        + "(the parameter `weights`)"
    case .unknownWeights(let file, let key, let known):
      "\(file): there are no tensors under '\(key)' (the parameter `weights`); "
        + (known.isEmpty
          ? "the file has one set of tensors and needs no key" : "keys: \(known.joined(separator: ", "))")
    case .unreadableTensor(let file, let tensor, let found):
      "\(file): '\(tensor)' is \(found), which is not read; save it as a dense tensor of real numbers"
    case .checksum(let file, let entry):
      "\(file): the bytes of '\(entry)' do not have the checksum (CRC-32) that the archive gives for them: the file is "
        + "damaged; download or copy it again"
    case .notFloatingPoint(let found): "a tensor of type \(found.rawValue) was found where real numbers were expected"
    }
  }
}
