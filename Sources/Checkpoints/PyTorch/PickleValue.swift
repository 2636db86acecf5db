// What a checkpoint's pickle is made of. Containers are places in the machine's lists, so that neither depth nor cycles
// cost anything: nothing here is recursive.

/// A value of a pickle, as far as tensors need it.
enum PickleValue {
  case integer(Int)
  case text(String)
  case global(PickleGlobal)
  /// In `Pickle.tuples`.
  case tuple(Int)
  /// In `Pickle.dictionaries`.
  case dictionary(Int)
  /// In `Pickle.storages`.
  case storage(Int)
  /// In `Pickle.tensors`.
  case tensor(Int)
  /// What no tensor depends on: None, truth values, fractions, lists, instances.
  case opaque
}

/// What a global of the short list stands for. None is ever looked up or called.
enum PickleGlobal: Equatable {
  /// torch._utils._rebuild_tensor_v2: storage, offset, shape, strides; the type is its storage's.
  case tensor
  /// torch._utils._rebuild_tensor_v3: the same with a type of its own.
  case typedTensor
  /// A parameter is its tensor.
  case parameter
  /// A class of dictionaries.
  case dictionary
  /// A class of storages; its name says the type of its numbers.
  case storage(String)
  /// torch.float32 and so on.
  case elementType(String)
  /// Its instances are `PickleValue.opaque`.
  case opaque

  /// The meaning of a module's name, or nil for everything else, which is code.
  static func named(_ module: String, _ name: String) -> PickleGlobal? {
    switch (module, name) {
    case ("torch._utils", "_rebuild_tensor_v2"): .tensor
    case ("torch._utils", "_rebuild_tensor_v3"): .typedTensor
    case ("torch._utils", "_rebuild_parameter"), ("torch._utils", "_rebuild_parameter_with_state"): .parameter
    case ("collections", "OrderedDict"), ("collections", "defaultdict"), ("collections", "Counter"): .dictionary
    case ("torch", _) where name.hasSuffix("Storage"), ("torch.storage", "UntypedStorage"): .storage(name)
    case ("torch", _) where elementTypes[name] != nil || otherTypes.contains(name): .elementType(name)
    // Python 2's name, which protocol 2 keeps.
    case ("builtins", _), ("__builtin__", _): builtins.contains(name) ? .opaque : nil
    default: harmless.contains("\(module).\(name)") ? .opaque : nil
    }
  }

  /// By PyTorch's names of types and of the classes of storages.
  static let elementTypes: [String: ElementType] = [
    "bool": .bool, "uint8": .uint8, "int8": .int8, "uint16": .uint16, "int16": .int16, "uint32": .uint32,
    "int32": .int32, "uint64": .uint64, "int64": .int64, "float16": .float16, "bfloat16": .bfloat16,
    "float32": .float32, "float64": .float64, "BoolStorage": .bool, "ByteStorage": .uint8, "CharStorage": .int8,
    "ShortStorage": .int16, "IntStorage": .int32, "LongStorage": .int64, "HalfStorage": .float16,
    "BFloat16Storage": .bfloat16, "FloatStorage": .float32, "DoubleStorage": .float64,
    // A storage without a type counts bytes.
    "UntypedStorage": .uint8,
  ]

  private static let otherTypes: Set = [
    "complex32", "complex64", "complex128", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz",
    "float8_e8m0fnu", "qint8", "quint8", "qint32",
  ]

  /// Types of plain values.
  private static let builtins: Set = [
    "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "set", "slice",
    "str", "tuple",
  ]

  /// What training code keeps beside a model: arguments, paths, NumPy's numbers.
  private static let harmless: Set = [
    "argparse.Namespace", "easydict.EasyDict", "yacs.config.CfgNode", "types.SimpleNamespace", "torch.Size",
    "torch.device", "numpy.dtype", "numpy.ndarray", "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct", "_codecs.encode", "pathlib.PosixPath",
    "pathlib.WindowsPath", "pathlib.PurePosixPath", "pathlib.PureWindowsPath", "datetime.datetime",
    "datetime.timedelta", "collections.deque",
  ]
}

/// A tensor as a pickle describes it, unchecked.
struct PickledTensor {
  /// In `Pickle.storages`.
  var storage: Int
  /// PyTorch's name of its type, or of its storage's class.
  var type: String
  /// In elements.
  var offset: Int
  var shape: [Int]
  /// In elements.
  var strides: [Int]
}

/// A storage as a pickle describes it, unchecked.
struct PickledStorage {
  /// Its entry is `data/KEY`.
  var key: String
  var type: String
  /// In elements of that type.
  var count: Int
}

/// What a pickle says.
struct Pickle {
  var root = PickleValue.opaque
  var tuples: [[PickleValue]] = []
  var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
  var storages: [PickledStorage] = []
  var tensors: [PickledTensor] = []
}
