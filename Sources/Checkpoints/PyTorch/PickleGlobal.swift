/// The meaning of a global of a pickle, a class or a function, for this reader. No global is looked up or called:
/// "calling" one at most records its arguments.
enum PickleGlobal: Equatable {
  /// torch._utils._rebuild_tensor and _rebuild_tensor_v2: storage, offset, shape, strides; the type is its storage's.
  case tensor
  /// torch._utils._rebuild_tensor_v3: the same with a type of its own.
  case typedTensor
  /// Its value is its first argument: a parameter is its tensor.
  case firstArgument
  /// torch._tensor._rebuild_from_type_v2: function, class, arguments, attributes.
  case tensorOfClass
  /// torch._utils._rebuild_device_tensor_from_cpu_tensor: tensor, type.
  case deviceTensor
  /// torch._utils._rebuild_device_tensor_from_numpy: array, type.
  case deviceArray
  /// Makes tensors that are not supported; the name of their kind.
  case unreadable(String)
  /// The class of tensors, of parameters, of buffers.
  case tensorClass
  /// A class of dictionaries.
  case dictionary
  /// A class of storages; its name gives the type of its numbers.
  case storage(String)
  /// torch.float32 and so on.
  case elementType(String)
  /// _codecs.encode: the spelling of bytes in protocols 0 to 2.
  case encode
  /// numpy.dtype
  case arrayType
  /// numpy.core.multiarray._reconstruct: an empty array, whose state follows.
  case array
  /// numpy.core.numeric._frombuffer: bytes, type, shape, order.
  case arrayOfBytes
  /// copyreg._reconstructor and __newobj__: an instance of the first argument.
  case instance
  /// A class of inert values on the list below.
  case object
  /// A name that is on no list. An instance of it is a value without content.
  case unknown

  /// The meaning of a name in a module; nil for a name whose only use in a checkpoint is to run code.
  static func named(_ module: String, _ name: String) -> PickleGlobal? {
    switch (module, name) {
    case ("torch._utils", _): return rebuilders[name] ?? (isRefused(module, name) ? nil : .unknown)
    case ("torch._tensor", "_rebuild_from_type_v2"), ("torch._tensor", "_rebuild_from_type"),
      ("torch.tensor", "_rebuild_from_type"):
      return .tensorOfClass
    case ("torch.jit._pickle", "restore_type_tag"): return .firstArgument
    case ("torch", "Tensor"), ("torch._tensor", "Tensor"), ("torch.nn.parameter", "Parameter"),
      ("torch.nn.parameter", "Buffer"):
      return .tensorClass
    case ("torch", _) where name.hasSuffix("Storage") && elementTypes[name] != nil || otherStorages.contains(name),
      ("torch.storage", "UntypedStorage"):
      return .storage(name)
    case ("torch", _) where elementTypes[name] != nil || otherTypes.contains(name): return .elementType(name)
    case ("_codecs", "encode"): return .encode
    case ("numpy", "dtype"): return .arrayType
    case ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"): return .array
    case ("numpy.core.numeric", "_frombuffer"), ("numpy._core.numeric", "_frombuffer"): return .arrayOfBytes
    case ("copyreg", "_reconstructor"), ("copy_reg", "_reconstructor"), ("copyreg", "__newobj__"),
      ("copy_reg", "__newobj__"), ("copyreg", "__newobj_ex__"):
      return .instance
    // The name in Python 2, which protocol 2 keeps.
    case ("builtins", "dict"), ("__builtin__", "dict"): return .dictionary
    case ("builtins", _), ("__builtin__", _): return builtins.contains(name) ? .object : nil
    default: break
    }
    let full = "\(module).\(name)"
    if dictionaries.contains(full) { return .dictionary }
    if inert.contains(full) { return .object }
    return isRefused(module, name) ? nil : .unknown
  }

  private static let rebuilders: [String: PickleGlobal] = [
    "_rebuild_tensor": .tensor, "_rebuild_tensor_v2": .tensor, "_rebuild_tensor_v3": .typedTensor,
    "_rebuild_parameter": .firstArgument, "_rebuild_parameter_with_state": .firstArgument,
    "_rebuild_device_tensor_from_cpu_tensor": .deviceTensor, "_rebuild_device_tensor_from_numpy": .deviceArray,
    "_rebuild_xla_tensor": .deviceArray,
    "_rebuild_sparse_tensor": .unreadable("a sparse tensor"),
    "_rebuild_sparse_csr_tensor": .unreadable("a sparse tensor"),
    "_rebuild_qtensor": .unreadable("a quantized tensor"),
    "_rebuild_nested_tensor": .unreadable("a nested tensor"),
    "_rebuild_meta_tensor_no_storage": .unreadable("a tensor without numbers (device meta)"),
    "_rebuild_wrapper_subclass": .unreadable("a tensor of another class"),
  ]

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
    "float8_e8m0fnu", "float4_e2m1fn_x2", "qint8", "quint8", "qint32", "quint4x2", "quint2x4", "uint1", "uint2",
    "uint3", "uint4", "uint5", "uint6", "uint7", "int1", "int2", "int3", "int4", "int5", "int6", "int7", "bits8",
    "bits16", "bits1x8", "bits2x4", "bits4x2",
  ]

  private static let otherStorages: Set = [
    "ComplexFloatStorage", "ComplexDoubleStorage", "QInt8Storage", "QUInt8Storage", "QInt32Storage", "QUInt4x2Storage",
    "QUInt2x4Storage",
  ]

  /// Types of plain values.
  private static let builtins: Set = [
    "bool", "bytearray", "bytes", "complex", "float", "frozenset", "int", "list", "long", "object", "range", "set",
    "slice", "str", "tuple", "unicode", "xrange",
  ]

  private static let dictionaries: Set = [
    "collections.OrderedDict", "collections.defaultdict", "collections.Counter", "easydict.EasyDict",
    "lightning.fabric.utilities.data.AttributeDict", "lightning_fabric.utilities.data.AttributeDict",
    "lightning.pytorch.utilities.parsing.AttributeDict", "pytorch_lightning.utilities.parsing.AttributeDict",
    "addict.addict.Dict", "munch.Munch",
  ]

  /// Values that training code saves with a model: arguments, configurations, paths, NumPy's numbers.
  private static let inert: Set = [
    "argparse.Namespace", "yacs.config.CfgNode", "types.SimpleNamespace", "torch.Size", "torch.device",
    "torch.serialization._get_layout", "torch.jit._pickle.build_intlist", "torch.jit._pickle.build_doublelist",
    "torch.jit._pickle.build_boollist", "torch.jit._pickle.build_tensorlist", "numpy.ndarray",
    "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "pathlib.Path", "pathlib.PosixPath",
    "pathlib.WindowsPath", "pathlib.PurePosixPath", "pathlib.PureWindowsPath", "pathlib._local.PosixPath",
    "pathlib._local.WindowsPath", "pathlib._local.PurePosixPath", "pathlib._local.PureWindowsPath",
    "datetime.datetime", "datetime.date", "datetime.time", "datetime.timedelta", "datetime.timezone",
    "decimal.Decimal", "fractions.Fraction", "uuid.UUID", "collections.deque", "_io.BytesIO",
    "omegaconf.dictconfig.DictConfig", "omegaconf.listconfig.ListConfig", "omegaconf.nodes.AnyNode",
    "omegaconf.nodes.StringNode", "omegaconf.nodes.IntegerNode", "omegaconf.nodes.FloatNode",
    "omegaconf.nodes.BooleanNode", "omegaconf.nodes.EnumNode", "omegaconf.nodes.BytesNode", "omegaconf.nodes.PathNode",
    "omegaconf.nodes.InterpolationResultNode", "omegaconf.base.Metadata", "omegaconf.base.ContainerMetadata",
    "omegaconf.base.SCMode", "typing.Any", "typing.Union", "typing.Optional",
  ]

  /// Names that are refused anywhere in a pickle: their only use is to run code.
  private static func isRefused(_ module: String, _ name: String) -> Bool {
    let root = String(module.prefix { $0 != "." })
    if refusedRoots.contains(root) { return true }
    if refusedModules.contains(where: { module == $0 || module.hasPrefix($0 + ".") }) { return true }
    return refusedNames.contains("\(module).\(name)")
  }

  private static let refusedRoots: Set = [
    "_aix_support", "_io", "_osx_support", "_operator", "_pickle", "_posixsubprocess", "_pyio", "_pyrepl", "_socket",
    "_thread", "aiohttp", "asyncio", "atexit", "bdb", "cProfile", "cloudpickle", "code", "codeop", "commands",
    "cPickle", "ctypes", "dill", "distutils", "doctest", "ensurepip", "ftplib", "gc", "http", "httplib",
    "idlelib", "imaplib", "imp", "importlib", "io", "joblib", "lib2to3", "linecache", "marshal",
    "mmap", "multiprocessing", "nt", "ntpath", "nturl2path", "operator", "os", "pdb", "pickle", "pickletools", "pip",
    "pkgutil", "platform", "poplib", "popen2", "posix", "posixpath", "profile", "pty", "pydoc", "requests", "resource",
    "runpy", "setuptools", "shelve", "shutil", "signal", "smtplib", "socket", "socketserver", "sqlite3", "ssl",
    "subprocess", "sys", "sysconfig", "telnetlib", "tempfile", "threading", "timeit", "trace", "types", "urllib",
    "urllib2", "venv", "webbrowser", "xmlrpc", "zipimport",
  ]

  private static let refusedModules: Set = [
    "torch.hub", "torch.jit", "torch.serialization", "torch.package", "torch.utils.cpp_extension",
    "torch.utils.bundled_inputs",
    "torch.utils.collect_env", "torch.utils.data.datapipes.utils", "torch.ops", "torch.classes",
    "torch.fx", "torch.testing", "torch.multiprocessing", "torch.distributed.rpc", "torch._dynamo", "torch._inductor",
    "torch.storage", "numpy.f2py", "numpy.testing", "numpy.distutils", "numpy.lib", "numpy.ctypeslib",
  ]

  private static let refusedNames: Set = [
    "torch.load", "torch.compile", "numpy.load", "numpy.fromfile", "numpy.memmap",
  ]
}
