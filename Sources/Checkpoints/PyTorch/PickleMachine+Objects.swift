// Results of calls in a pickle. Time and memory of each are bounded, or proportional to the bytes of its arguments:
// arguments can be recalled from the memo any number of times.

extension PickleMachine {
  /// The result of `function(*arguments)`.
  mutating func result(of function: PickleValue, _ arguments: PickleValue) throws -> PickleValue {
    guard case .tuple(let tuple) = arguments else { throw malformed("the arguments of a global are not a tuple") }
    guard case .global(let global) = function else {
      // A call of an object, such as an enumeration or a partial function, gives an object.
      if case .object = function { return function }
      throw malformed("it calls a value that is not a global")
    }
    switch pickle.globals[global].meaning {
    case .tensor: return try tensor(pickle.tuples[tuple], hasType: false)
    case .typedTensor: return try tensor(pickle.tuples[tuple], hasType: true)
    case .firstArgument:
      guard let first = pickle.tuples[tuple].first else { throw malformed("a parameter is not a tensor") }
      switch first {
      case .tensor, .array, .unreadable: return first
      default: break
      }
      guard pickle.globals[global].name.hasPrefix("torch.jit.") else { throw malformed("a parameter is not a tensor") }
      return first
    case .tensorOfClass: return try tensorOfClass(pickle.tuples[tuple])
    case .deviceTensor: return try deviceTensor(pickle.tuples[tuple], global)
    case .deviceArray: return try deviceArray(pickle.tuples[tuple], global)
    case .unreadable: return .unreadable(global)
    case .dictionary: return dictionary(pickle.tuples[tuple])
    case .storage(let name), .elementType(let name): throw malformed("it calls torch.\(name)")
    case .encode: return encoded(pickle.tuples[tuple])
    case .arrayType: return arrayType(pickle.tuples[tuple])
    case .array: return array(PickledArray())
    case .arrayOfBytes: return try arrayOfBytes(pickle.tuples[tuple])
    case .instance:
      guard case .global(let type)? = pickle.tuples[tuple].first else { return .object(global) }
      guard pickle.globals[type].meaning == .dictionary else { return .object(type) }
      return dictionary(Array(pickle.tuples[tuple].dropFirst(2).prefix(1)))
    case .tensorClass, .object, .unknown: return .object(global)
    }
  }

  /// Sets the state of an object. Only NumPy's arrays and types need theirs.
  mutating func build(_ value: PickleValue, _ state: PickleValue) {
    guard case .tuple(let tuple) = state else { return }
    let parts = pickle.tuples[tuple]
    switch value {
    case .array(let index):
      // Version, shape, type, whether the order is column-major, bytes.
      guard parts.count == 5, case .tuple(let shape) = parts[1], case .arrayType(let type) = parts[2] else { return }
      pickle.arrays[index].shape = shape
      pickle.arrays[index].type = type
      if case .boolean(let isColumnMajor) = parts[3] { pickle.arrays[index].isColumnMajor = isColumnMajor }
      pickle.arrays[index].content = parts[4]
    case .arrayType(let index):
      guard parts.count > 1 else { return }
      pickle.arrayTypes[index].isBigEndian = pickle.isText(parts[1], ">")
    default: break
    }
  }

  /// ('storage', class, key, device, count).
  mutating func storage(_ value: PickleValue) throws -> PickleValue {
    guard case .tuple(let index) = value, case let parts = pickle.tuples[index], parts.count == 5,
      pickle.isText(parts[0], "storage"), case .global(let type) = parts[1], case .text(let key) = parts[2],
      case .storage(let name) = pickle.globals[type].meaning, case .integer(let count) = parts[4]
    else {
      throw malformed("a persistent object is not a storage")
    }
    pickle.storages.append(PickledStorage(key: key, type: name, count: count))
    return .storage(pickle.storages.count - 1)
  }

  // MARK: - Tensors

  private mutating func tensor(_ arguments: [PickleValue], hasType: Bool) throws -> PickleValue {
    guard arguments.count >= (hasType ? 7 : 4), case .storage(let storage) = arguments[0],
      case .integer(let offset) = arguments[1], case .tuple(let shape) = arguments[2],
      case .tuple(let strides) = arguments[3]
    else {
      throw malformed("the arguments of a tensor are not its storage, offset, shape and strides")
    }
    var type = pickle.storages[storage].type
    if hasType {
      guard case .global(let index) = arguments[6], case .elementType(let name) = pickle.globals[index].meaning else {
        throw malformed("a tensor has no type")
      }
      type = name
    }
    var tensor = PickledTensor(storage: storage, type: type, offset: offset, shape: shape, strides: strides)
    if let metadata = arguments.dropFirst(hasType ? 7 : 6).first {
      guard let isNegative = isNegative(metadata) else {
        return unreadable("a view that PyTorch computes on access")
      }
      tensor.isNegative = isNegative
    }
    pickle.tensors.append(tensor)
    return .tensor(pickle.tensors.count - 1)
  }

  /// Whether the metadata of a tensor, a dictionary of truth values, change the signs; nil if they change numbers in
  /// another way. The conjugate of a real number is that number, and complex types are refused.
  private func isNegative(_ metadata: PickleValue) -> Bool? {
    if case .none = metadata { return false }
    // PyTorch knows two keys; a large dictionary could be searched any number of times.
    guard case .dictionary(let index) = metadata, pickle.dictionaries[index].count <= 8 else { return nil }
    var result = false
    for (key, value) in pickle.dictionaries[index] {
      guard case .boolean(let isSet) = value else { return nil }
      if pickle.isText(key, "neg") {
        result = isSet
      } else if !pickle.isText(key, "conj"), isSet {
        return nil
      }
    }
    return result
  }

  /// A tensor with Python attributes or of a subclass: function, class, arguments, attributes.
  private mutating func tensorOfClass(_ arguments: [PickleValue]) throws -> PickleValue {
    guard arguments.count >= 3, case .global(let function) = arguments[0], case .global(let type) = arguments[1],
      case .tuple(let inner) = arguments[2]
    else {
      throw malformed("the arguments of a tensor subclass are not function, class and arguments")
    }
    guard pickle.globals[type].meaning == .tensorClass else { return .unreadable(type) }
    switch pickle.globals[function].meaning {
    case .tensor: return try tensor(pickle.tuples[inner], hasType: false)
    case .typedTensor: return try tensor(pickle.tuples[inner], hasType: true)
    default: return .unreadable(function)
    }
  }

  /// A tensor that was moved from another device. Another type than its own would be a conversion, which is refused.
  private func deviceTensor(_ arguments: [PickleValue], _ global: Int) throws -> PickleValue {
    guard arguments.count >= 2, case .tensor(let index) = arguments[0], case .global(let type) = arguments[1],
      case .elementType(let name) = pickle.globals[type].meaning
    else {
      throw malformed("the arguments of a device tensor are not a tensor and a type")
    }
    let stored = PickleGlobal.elementTypes[pickle.tensors[index].type]
    return stored != nil && stored == PickleGlobal.elementTypes[name] ? arguments[0] : .unreadable(global)
  }

  private func deviceArray(_ arguments: [PickleValue], _ global: Int) throws -> PickleValue {
    guard arguments.count >= 2, case .array(let index) = arguments[0], case .global(let type) = arguments[1],
      case .elementType(let name) = pickle.globals[type].meaning
    else {
      throw malformed("the arguments of a device tensor are not an array and a type")
    }
    let stored = pickle.arrays[index].type.flatMap { pickle.elementType(ofArrayType: $0) }
    return stored != nil && stored == PickleGlobal.elementTypes[name] ? arguments[0] : .unreadable(global)
  }

  /// A tensor that is not supported, for that reason.
  private mutating func unreadable(_ form: String) -> PickleValue {
    if case .unreadable(form)? = pickle.globals.last?.meaning { return .unreadable(pickle.globals.count - 1) }
    pickle.globals.append(("a tensor", .unreadable(form)))
    return .unreadable(pickle.globals.count - 1)
  }

  // MARK: - Dictionaries and bytes

  /// A dictionary that is empty, or made of another dictionary or of a list of pairs.
  private mutating func dictionary(_ arguments: [PickleValue]) -> PickleValue {
    for argument in arguments.prefix(2) {
      switch argument {
      // Not a copy: the same dictionary could be copied any number of times.
      case .dictionary: return argument
      case .list(let list):
        let pairs = pickle.lists[list].compactMap { item -> (key: PickleValue, value: PickleValue)? in
          let parts: [PickleValue]
          switch item {
          case .list(let index): parts = pickle.lists[index]
          case .tuple(let index): parts = pickle.tuples[index]
          default: return nil
          }
          return parts.count == 2 ? (parts[0], parts[1]) : nil
        }
        // Emptied, so that it cannot be read any number of times.
        pickle.lists[list] = []
        pickle.dictionaries.append(pairs)
        return .dictionary(pickle.dictionaries.count - 1)
      default: break
      }
    }
    pickle.dictionaries.append([])
    return .dictionary(pickle.dictionaries.count - 1)
  }

  /// `_codecs.encode(text, 'latin1')`.
  private func encoded(_ arguments: [PickleValue]) -> PickleValue {
    guard arguments.count == 2, case .text(let text) = arguments[0], pickle.isText(arguments[1], "latin1") else {
      return .opaque
    }
    return .latin(text)
  }

  // MARK: - NumPy

  private mutating func array(_ array: PickledArray) -> PickleValue {
    pickle.arrays.append(array)
    return .array(pickle.arrays.count - 1)
  }

  private mutating func arrayType(_ arguments: [PickleValue]) -> PickleValue {
    var type = PickledArrayType()
    if case .text(let code)? = arguments.first { type.code = code }
    pickle.arrayTypes.append(type)
    return .arrayType(pickle.arrayTypes.count - 1)
  }

  /// Bytes, type, shape, and 'C' or 'F'.
  private mutating func arrayOfBytes(_ arguments: [PickleValue]) throws -> PickleValue {
    guard arguments.count >= 4, case .arrayType(let type) = arguments[1], case .tuple(let shape) = arguments[2] else {
      throw malformed("the arguments of an array are not its bytes, type, shape and order")
    }
    return array(
      PickledArray(
        shape: shape, type: type, isColumnMajor: pickle.isText(arguments[3], "F"), content: arguments[0]))
  }
}
