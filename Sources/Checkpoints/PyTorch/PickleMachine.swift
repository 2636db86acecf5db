// Python's pickle machine without the parts that run code: globals are names, "calling" one at most records its
// arguments, and names whose only use is to run code are errors.

/// Reads one pickle. Nothing is executed; memory and time are bounded by the length of the pickle.
struct PickleMachine {
  /// The longest pickle, in bytes without those of long texts and arrays: the pickle of a model with 100,000 tensors
  /// and the state of their optimizer has 30 MB.
  static let byteLimit = 1 << 25
  /// Texts and bytes of this length or more do not count toward `byteLimit`: they cost no more memory than short ones.
  static let longPayload = 1 << 10
  /// The most tuples, lists, dictionaries, tensors and arrays, and the most values in the memo: the same model has 1.2
  /// million. Each takes some 100 bytes of memory, and may take a single byte of the pickle.
  static let objectLimit = 1 << 22
  /// The most values on the stack; `torch.save` has a few thousand there.
  static let stackLimit = 1 << 20

  private var cursor: ByteCursor
  private let file: String
  var pickle: Pickle
  private var stack: [PickleValue] = []
  /// Positions in the stack where open groups begin.
  private var marks: [Int] = []
  private var memo: [UInt32: PickleValue] = [:]
  /// Indices in `pickle.globals` by name.
  private var globals: [String: Int] = [:]
  /// Bytes of long texts and arrays so far.
  private var longBytes = 0

  /// - Parameter bytes: must outlive the result.
  /// - Throws: `CheckpointError.malformedPickle`, `.unsupportedPickle`, `.code`.
  static func run(_ bytes: UnsafeRawBufferPointer, file: String) throws -> Pickle {
    var machine = try PickleMachine(bytes, file: file)
    while try machine.step() {}
    return machine.pickle
  }

  private init(_ bytes: UnsafeRawBufferPointer, file: String) throws {
    guard let cursor = ByteCursor(bytes) else {
      throw CheckpointError.malformedPickle(file: file, offset: 0, reason: "it is empty")
    }
    self.cursor = cursor
    self.file = file
    pickle = Pickle(bytes: bytes)
  }

  func malformed(_ reason: String) -> CheckpointError {
    .malformedPickle(file: file, offset: cursor.offset, reason: reason)
  }

  /// Carries out one opcode.
  ///
  /// - Returns: false after the last.
  private mutating func step() throws -> Bool {
    guard cursor.offset - longBytes <= Self.byteLimit else {
      throw CheckpointError.unsupportedPickle(
        file: file, found: "more than \(Self.byteLimit) bytes without texts and arrays")
    }
    guard pickle.objectCount <= Self.objectLimit, memo.count <= Self.objectLimit else {
      throw CheckpointError.unsupportedPickle(
        file: file, found: "more than \(Self.objectLimit) objects")
    }
    let code = try number(UInt8.self)
    guard let opcode = PickleOpcode(rawValue: code) else {
      if let found = PickleOpcode.unsupported(code) {
        throw CheckpointError.unsupportedPickle(file: file, found: found)
      }
      throw malformed("0x\(String(code, radix: 16)) is not an opcode of pickle protocols 0 to 5")
    }
    switch opcode {
    case .proto:
      let version = try number(UInt8.self)
      guard version <= 5 else {
        throw CheckpointError.unsupportedPickle(file: file, found: "pickle protocol \(version), expected 0 to 5")
      }
    case .frame:
      let count = try number(UInt64.self)
      guard count <= UInt64(cursor.remaining) else { throw malformed("a frame of \(count) bytes ends too early") }
    case .stop:
      pickle.root = try pop()
      return false

    case .mark: try push(mark: stack.count)
    case .pop: if stack.count > marks.last ?? 0 { stack.removeLast() } else { _ = try popGroup() }
    case .popMark: _ = try popGroup()
    case .dup: try push(top())
    case .get: try recall(memoKey())
    case .binGet: try recall(UInt32(number(UInt8.self)))
    case .longBinGet: try recall(number(UInt32.self))
    case .put: try memo[memoKey()] = top()
    case .binPut: try memo[UInt32(number(UInt8.self))] = top()
    case .longBinPut: try memo[number(UInt32.self)] = top()
    // The memo has fewer values than the pickle has bytes.
    case .memoize: try memo[UInt32(truncatingIfNeeded: memo.count)] = top()

    case .none: try push(.none)
    case .newTrue: try push(.boolean(true))
    case .newFalse: try push(.boolean(false))
    case .binInt: try push(.integer(Int(number(Int32.self))))
    case .binInt1: try push(.integer(Int(number(UInt8.self))))
    case .binInt2: try push(.integer(Int(number(UInt16.self))))
    case .int, .long: try push(decimal())
    case .long1: try push(long(payload(UInt64(number(UInt8.self)))))
    case .long4:
      guard let count = UInt64(exactly: try number(Int32.self)) else { throw malformed("a number has no bytes") }
      try push(long(payload(count)))
    case .binFloat:
      _ = try payload(8)
      try push(.opaque)
    case .float:
      _ = try line()
      try push(.opaque)
    case .string:
      _ = try line()
      try push(.opaque)
    case .unicode:
      let text = try line()
      try push(pickle.bytes[text].contains(UInt8(ascii: "\\")) ? .opaque : self.text(text))
    case .binUnicode: try push(text(payload(UInt64(number(UInt32.self)))))
    case .shortBinUnicode: try push(text(payload(UInt64(number(UInt8.self)))))
    case .binUnicode8: try push(text(payload(number(UInt64.self))))
    // Python 2's strings are bytes.
    case .binString, .binBytes: try push(.bytes(payload(UInt64(number(UInt32.self)))))
    case .shortBinString, .shortBinBytes: try push(.bytes(payload(UInt64(number(UInt8.self)))))
    case .binBytes8, .byteArray8: try push(.bytes(payload(number(UInt64.self))))
    case .readOnlyBuffer: _ = try top()

    case .emptyTuple: try push(tuple: [])
    case .tuple1: try push(tuple: pop(1))
    case .tuple2: try push(tuple: pop(2))
    case .tuple3: try push(tuple: pop(3))
    case .tuple: try push(tuple: popGroup())
    case .emptyList: try push(list: [])
    case .list: try push(list: popGroup())
    case .append: try append(pop(1))
    case .appends: try append(popGroup())
    case .emptyDict: try pushDictionary()
    case .dict:
      let items = try popGroup()
      try pushDictionary()
      try setItems(items)
    case .setItem: try setItems(pop(2))
    case .setItems: try setItems(popGroup())
    case .emptySet: try push(.opaque)
    case .addItems: _ = try popGroup()
    case .frozenSet:
      _ = try popGroup()
      try push(.opaque)

    case .global: try pushGlobal(module: string(line()), name: string(line()))
    case .stackGlobal:
      let names = try pop(2)
      guard case .text(let module) = names[0], case .text(let name) = names[1] else {
        throw malformed("the name of a global is not text")
      }
      // A long one could be recalled any number of times.
      guard module.count + name.count <= 1000 else { throw malformed("the name of a global has more than 1000 bytes") }
      try pushGlobal(module: string(module), name: string(name))
    case .newObj, .reduce:
      let call = try pop(2)
      try push(result(of: call[0], call[1]))
    case .newObjEx:
      let call = try pop(3)
      try push(result(of: call[0], call[1]))
    case .obj:
      let group = try popGroup()
      guard let called = group.first else { throw malformed("an instance has no class") }
      pickle.tuples.append(Array(group.dropFirst()))
      try push(result(of: called, .tuple(pickle.tuples.count - 1)))
    case .inst:
      let arguments = try popGroup()
      try pushGlobal(module: string(line()), name: string(line()))
      pickle.tuples.append(arguments)
      try push(result(of: pop(), .tuple(pickle.tuples.count - 1)))
    case .build:
      let state = try pop()
      build(try top(), state)
    case .binPersID: try push(storage(pop()))
    }
    return true
  }

  // MARK: - Stack

  private mutating func push(_ value: PickleValue) throws {
    guard stack.count < Self.stackLimit else { throw malformed("more than \(Self.stackLimit) values are on the stack") }
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

  private mutating func push(list: [PickleValue]) throws {
    pickle.lists.append(list)
    try push(.list(pickle.lists.count - 1))
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

  /// Everything after the last mark, which is removed.
  private mutating func popGroup() throws -> [PickleValue] {
    guard let start = marks.popLast() else { throw malformed("the end of a group has no beginning") }
    defer { stack.removeSubrange(start...) }
    return Array(stack[start...])
  }

  private mutating func recall(_ key: UInt32) throws {
    guard let value = memo[key] else { throw malformed("it recalls value \(key), which was not stored") }
    try push(value)
  }

  // MARK: - Bytes

  /// The range of the next `count` bytes.
  private mutating func payload(_ count: UInt64) throws -> Range<Int> {
    let start = cursor.offset
    guard let count = Int(exactly: count), cursor.take(count) != nil else { throw malformed("it ends too early") }
    if count >= Self.longPayload { longBytes += count }
    return start..<start + count
  }

  private mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
    guard let number = cursor.number(type) else { throw malformed("it ends too early") }
    return number
  }

  /// The range of the bytes before the next line feed.
  private mutating func line() throws -> Range<Int> {
    let start = cursor.offset
    guard let line = cursor.line(limit: 1000) else { throw malformed("a name does not end") }
    return start..<start + line.count
  }

  private func text(_ range: Range<Int>) throws -> PickleValue {
    guard let text = String(validating: pickle.bytes[range], as: UTF8.self) else {
      throw malformed("a text is not UTF-8")
    }
    guard !text.hasTooManyCombiningMarks else {
      throw malformed("a text has more than 30 combining marks in a row")
    }
    return .text(range)
  }

  private func string(_ range: Range<Int>) -> String { pickle.string(range) }

  private mutating func memoKey() throws -> UInt32 {
    guard let key = UInt32(string(try line())) else { throw malformed("a key of the memo is not a number") }
    return key
  }

  /// A number in decimal digits, of protocols 0 and 1: 00 and 01 are truth values, and a large number ends with L.
  private mutating func decimal() throws -> PickleValue {
    let text = string(try line())
    if text == "00" || text == "01" { return .boolean(text == "01") }
    let digits = text.hasSuffix("L") ? text.dropLast() : text[...]
    return Int(digits).map { .integer($0) } ?? .opaque
  }

  /// A two's complement of any length; tensors need at most 64 bits.
  private func long(_ range: Range<Int>) -> PickleValue {
    let bytes = pickle.bytes[range]
    guard bytes.count <= 8 else { return .opaque }
    let sign = bytes.last.map { Int(Int8(bitPattern: $0) >> 7) } ?? 0
    return .integer(bytes.reversed().reduce(sign) { $0 << 8 | Int($1) })
  }

  // MARK: - Containers and globals

  private mutating func setItems(_ items: [PickleValue]) throws {
    guard items.count % 2 == 0 else { throw malformed("a key has no value") }
    guard case .dictionary(let index) = try top() else { return }
    for place in stride(from: 0, to: items.count, by: 2) {
      pickle.dictionaries[index].append((key: items[place], value: items[place + 1]))
    }
  }

  private mutating func append(_ items: [PickleValue]) throws {
    if case .list(let index) = try top() { pickle.lists[index] += items }
  }

  private mutating func pushGlobal(module: String, name: String) throws {
    let full = "\(module).\(name)"
    if let known = globals[full] { return try push(.global(known)) }
    guard let meaning = PickleGlobal.named(module, name) else { throw CheckpointError.code(file: file, name: full) }
    globals[full] = pickle.globals.count
    pickle.globals.append((full, meaning))
    try push(.global(pickle.globals.count - 1))
  }
}
