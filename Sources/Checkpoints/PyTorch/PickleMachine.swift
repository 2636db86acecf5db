// Python's pickle machine (Lib/pickletools.py describes every opcode), without what makes pickles programs: globals are
// names on a short list, "calling" one of them means to note its arguments, and everything else is refused.

/// The opcodes that `torch.save` writes with its pickle protocol, 2.
private enum Opcode: UInt8 {
  case mark = 0x28  // (
  case emptyTuple = 0x29  // )
  case stop = 0x2E  // .
  case binFloat = 0x47  // G
  case binInt = 0x4A  // J
  case binInt1 = 0x4B  // K
  case binInt2 = 0x4D  // M
  case none = 0x4E  // N
  case binPersID = 0x51  // Q
  case reduce = 0x52  // R
  case binUnicode = 0x58  // X
  case emptyList = 0x5D  // ]
  case append = 0x61  // a
  case build = 0x62  // b
  case global = 0x63  // c
  case appends = 0x65  // e
  case binGet = 0x68  // h
  case longBinGet = 0x6A  // j
  case binPut = 0x71  // q
  case longBinPut = 0x72  // r
  case setItem = 0x73  // s
  case tuple = 0x74  // t
  case setItems = 0x75  // u
  case emptyDict = 0x7D  // }
  case proto = 0x80
  case newObj = 0x81
  case tuple1 = 0x85
  case tuple2 = 0x86
  case tuple3 = 0x87
  case newTrue = 0x88
  case newFalse = 0x89
  case long1 = 0x8A
}

/// Reads one pickle. Nothing is executed; memory and time are bounded by the pickle's length.
struct PickleMachine {
  /// The longest pickle, in bytes: that of a model with 100,000 tensors and their optimizer's state has 30 MB.
  static let byteLimit = 1 << 25
  /// The most values that may wait on the stack; `torch.save` keeps a few thousand there.
  static let stackLimit = 1 << 20

  private var cursor: ByteCursor
  private let file: String
  private var pickle = Pickle()
  private var stack: [PickleValue] = []
  /// Where in the stack the open groups begin.
  private var marks: [Int] = []
  private var memo: [UInt32: PickleValue] = [:]

  /// - Throws: `CheckpointError.malformedPickle`, `.code`.
  static func run(_ bytes: UnsafeRawBufferPointer, file: String) throws -> Pickle {
    guard bytes.count <= byteLimit, let cursor = ByteCursor(bytes) else {
      throw CheckpointError.malformedPickle(
        file: file, offset: 0, reason: "it has \(bytes.count) bytes, the limit is \(byteLimit)")
    }
    var machine = PickleMachine(cursor: cursor, file: file)
    while try machine.step() {}
    return machine.pickle
  }

  private init(cursor: ByteCursor, file: String) {
    self.cursor = cursor
    self.file = file
  }

  private func malformed(_ reason: String) -> CheckpointError {
    .malformedPickle(file: file, offset: cursor.offset, reason: reason)
  }

  /// Carries out one opcode.
  ///
  /// - Returns: false after the last.
  private mutating func step() throws -> Bool {
    let code = try number(UInt8.self)
    guard let opcode = Opcode(rawValue: code) else {
      throw malformed("opcode 0x\(String(code, radix: 16)) is none that torch.save writes")
    }
    switch opcode {
    case .proto:
      let version = try number(UInt8.self)
      guard version == 2 else {
        throw malformed("pickle protocol \(version), expected 2, which is torch.save's default")
      }
    case .stop:
      pickle.root = try pop()
      return false
    case .mark: try push(mark: stack.count)
    case .none, .newTrue, .newFalse, .emptyList: try push(.opaque)
    case .binFloat:
      _ = try bytes(8)
      try push(.opaque)
    case .binInt: try push(.integer(Int(number(Int32.self))))
    case .binInt1: try push(.integer(Int(number(UInt8.self))))
    case .binInt2: try push(.integer(Int(number(UInt16.self))))
    case .long1: try push(long(bytes(Int(number(UInt8.self)))))
    case .binUnicode:
      guard let text = try String(validating: bytes(Int(number(UInt32.self))), as: UTF8.self) else {
        throw malformed("a text is not UTF-8")
      }
      try push(.text(text))
    case .emptyTuple: try push(tuple: [])
    case .tuple1: try push(tuple: pop(1))
    case .tuple2: try push(tuple: pop(2))
    case .tuple3: try push(tuple: pop(3))
    case .tuple: try push(tuple: popGroup())
    case .emptyDict: try pushDictionary()
    case .append: _ = try pop()
    case .appends: _ = try popGroup()
    case .setItem: try setItems(pop(2))
    case .setItems: try setItems(popGroup())
    // A dictionary's attributes, an instance's state.
    case .build: _ = try pop()
    case .global: try pushGlobal()
    case .newObj, .reduce: try reduce()
    case .binPersID: try pushStorage()
    case .binPut: try memo[UInt32(number(UInt8.self))] = top()
    case .longBinPut: try memo[number(UInt32.self)] = top()
    case .binGet: try recall(UInt32(number(UInt8.self)))
    case .longBinGet: try recall(number(UInt32.self))
    }
    return true
  }

  // MARK: - Stack

  private mutating func push(_ value: PickleValue) throws {
    guard stack.count < Self.stackLimit else { throw malformed("more than \(Self.stackLimit) values are waiting") }
    stack.append(value)
  }

  private mutating func push(mark: Int) throws {
    guard marks.count < Self.stackLimit else { throw malformed("more than \(Self.stackLimit) groups are open") }
    marks.append(mark)
  }

  private mutating func push(tuple: [PickleValue]) throws {
    pickle.tuples.append(tuple)
    try push(.tuple(pickle.tuples.count - 1))
  }

  private mutating func pushDictionary() throws {
    pickle.dictionaries.append([])
    try push(.dictionary(pickle.dictionaries.count - 1))
  }

  private func top() throws -> PickleValue {
    guard let value = stack.last, stack.count > marks.last ?? 0 else { throw malformed("a value is missing") }
    return value
  }

  private mutating func pop() throws -> PickleValue {
    let value = try top()
    stack.removeLast()
    return value
  }

  private mutating func pop(_ count: Int) throws -> [PickleValue] {
    guard stack.count - (marks.last ?? 0) >= count else { throw malformed("a value is missing") }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  /// Everything behind the last mark, which goes.
  private mutating func popGroup() throws -> [PickleValue] {
    guard let start = marks.popLast() else { throw malformed("a group ends that was not begun") }
    defer { stack.removeSubrange(start...) }
    return Array(stack[start...])
  }

  private mutating func recall(_ key: UInt32) throws {
    guard let value = memo[key] else { throw malformed("it recalls value \(key), which was not kept") }
    try push(value)
  }

  // MARK: - Bytes

  private mutating func bytes(_ count: Int) throws -> UnsafeRawBufferPointer {
    guard let bytes = cursor.take(count) else { throw malformed("it ends too early") }
    return bytes
  }

  private mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
    guard let number = cursor.number(type) else { throw malformed("it ends too early") }
    return number
  }

  /// A two's complement of any length; one of more than 64 bits counts nothing here.
  private func long(_ bytes: UnsafeRawBufferPointer) -> PickleValue {
    guard bytes.count <= 8 else { return .opaque }
    let sign = bytes.last.map { Int(Int8(bitPattern: $0) >> 7) } ?? 0
    return .integer(bytes.reversed().reduce(sign) { $0 << 8 | Int($1) })
  }

  // MARK: - Objects

  private mutating func setItems(_ items: [PickleValue]) throws {
    guard items.count % 2 == 0 else { throw malformed("a key has no value") }
    guard case .dictionary(let index) = try top() else { return }
    for place in stride(from: 0, to: items.count, by: 2) {
      pickle.dictionaries[index].append((key: items[place], value: items[place + 1]))
    }
  }

  private mutating func pushGlobal() throws {
    guard let module = cursor.line(limit: 1000), let name = cursor.line(limit: 1000) else {
      throw malformed("a global's name does not end")
    }
    let (first, second) = (String(decoding: module, as: UTF8.self), String(decoding: name, as: UTF8.self))
    guard let global = PickleGlobal.named(first, second) else {
      throw CheckpointError.code(file: file, name: "\(first).\(second)")
    }
    try push(.global(global))
  }

  /// What `global(*arguments)` would give.
  private mutating func reduce() throws {
    let call = try pop(2)
    guard case .tuple(let index) = call[1] else { throw malformed("a global has arguments that are no tuple") }
    guard case .global(let global) = call[0] else { throw malformed("it calls something that is no global") }
    let arguments = pickle.tuples[index]
    switch global {
    case .tensor, .typedTensor:
      pickle.tensors.append(try tensor(arguments, hasType: global == .typedTensor))
      try push(.tensor(pickle.tensors.count - 1))
    case .parameter:
      guard case .tensor? = arguments.first else { throw malformed("a parameter is no tensor") }
      try push(arguments[0])
    case .dictionary: try pushDictionary()
    case .opaque: try push(.opaque)
    case .storage(let name), .elementType(let name): throw malformed("it calls torch.\(name)")
    }
  }

  private func tensor(_ arguments: [PickleValue], hasType: Bool) throws -> PickledTensor {
    guard arguments.count >= (hasType ? 7 : 6), case .storage(let storage) = arguments[0],
      case .integer(let offset) = arguments[1], let shape = integers(arguments[2]), let strides = integers(arguments[3])
    else {
      throw malformed("a tensor is described by other values than its storage, offset, shape and strides")
    }
    var type = pickle.storages[storage].type
    if hasType {
      guard case .global(.elementType(let name)) = arguments[6] else { throw malformed("a tensor has no type") }
      type = name
    }
    return PickledTensor(storage: storage, type: type, offset: offset, shape: shape, strides: strides)
  }

  /// A tuple of as many integers as a tensor can have dimensions.
  private func integers(_ value: PickleValue) -> [Int]? {
    guard case .tuple(let index) = value, pickle.tuples[index].count <= Safetensors.largestRank else { return nil }
    let numbers = pickle.tuples[index].compactMap { if case .integer(let number) = $0 { number } else { nil } }
    return numbers.count == pickle.tuples[index].count ? numbers : nil
  }

  /// ('storage', class, key, device, count).
  private mutating func pushStorage() throws {
    guard case .tuple(let index) = try pop(), case let parts = pickle.tuples[index], parts.count == 5,
      case .text("storage") = parts[0], case .global(.storage(let type)) = parts[1], case .text(let key) = parts[2],
      case .integer(let count) = parts[4]
    else {
      throw malformed("a persistent object is no storage")
    }
    pickle.storages.append(PickledStorage(key: key, type: type, count: count))
    try push(.storage(pickle.storages.count - 1))
  }
}
