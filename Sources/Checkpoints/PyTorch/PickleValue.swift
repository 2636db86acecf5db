// The values of a checkpoint's pickle. Containers are indices into lists of the machine: nothing here is recursive, so
// depth and cycles cost nothing. Texts and bytes are ranges of the pickle.

/// A value of a pickle, as far as tensors need it.
enum PickleValue {
  case none
  case boolean(Bool)
  case integer(Int)
  /// The range of valid UTF-8 in the pickle.
  case text(Range<Int>)
  case bytes(Range<Int>)
  /// The range of a text in the pickle whose characters are bytes: the spelling of bytes in protocols 0 to 2.
  case latin(Range<Int>)
  /// In `Pickle.globals`.
  case global(Int)
  /// In `Pickle.tuples`.
  case tuple(Int)
  /// In `Pickle.lists`.
  case list(Int)
  /// In `Pickle.dictionaries`.
  case dictionary(Int)
  /// In `Pickle.storages`.
  case storage(Int)
  /// In `Pickle.tensors`.
  case tensor(Int)
  /// A NumPy array, in `Pickle.arrays`.
  case array(Int)
  /// A NumPy type, in `Pickle.arrayTypes`.
  case arrayType(Int)
  /// A tensor of a kind that is not supported; the global that would make it, in `Pickle.globals`.
  case unreadable(Int)
  /// An instance of a class or a result of a function. Only its global is kept, in `Pickle.globals`.
  case object(Int)
  /// Values that tensors do not need: fractions, sets, large integers.
  case opaque
}

/// A tensor as a pickle describes it, unchecked.
struct PickledTensor {
  /// In `Pickle.storages`.
  var storage: Int
  /// PyTorch's name of its type, or of the class of its storage.
  var type: String
  /// In elements.
  var offset: Int
  /// In `Pickle.tuples`.
  var shape: Int
  /// In elements, in `Pickle.tuples`.
  var strides: Int
  /// Whether it is a view that changes the sign of every number.
  var isNegative = false
}

/// A storage as a pickle describes it, unchecked.
struct PickledStorage {
  /// A text in the pickle; the entry of the storage is `data/KEY`.
  var key: Range<Int>
  var type: String
  /// In elements of that type.
  var count: Int
}

/// A NumPy array as a pickle describes it, unchecked.
struct PickledArray {
  /// In `Pickle.tuples`.
  var shape: Int?
  /// In `Pickle.arrayTypes`.
  var type: Int?
  /// Whether the order is column-major.
  var isColumnMajor = false
  var content = PickleValue.none
}

/// A NumPy type: a code like `f4` and an order of bytes.
struct PickledArrayType {
  /// A text in the pickle; nil if the type is described in another way.
  var code: Range<Int>?
  var isBigEndian = false
}

/// The content of a pickle.
struct Pickle {
  /// The bytes of the pickle, which must outlive this.
  let bytes: UnsafeRawBufferPointer
  var root = PickleValue.none
  var globals: [(name: String, meaning: PickleGlobal)] = []
  var tuples: [[PickleValue]] = []
  var lists: [[PickleValue]] = []
  var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
  var storages: [PickledStorage] = []
  var tensors: [PickledTensor] = []
  var arrays: [PickledArray] = []
  var arrayTypes: [PickledArrayType] = []

  /// Number of containers and descriptions so far.
  var objectCount: Int {
    tuples.count + lists.count + dictionaries.count + storages.count + tensors.count + arrays.count + arrayTypes.count
      + globals.count
  }

  func string(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

  /// Whether a value is the given text.
  func isText(_ value: PickleValue, _ text: String) -> Bool {
    guard case .text(let range) = value else { return false }
    return range.count == text.utf8.count && bytes[range].elementsEqual(text.utf8)
  }

  /// The integers of a tuple; nil if it has other values, or more than a tensor can have dimensions.
  func integers(_ tuple: Int) -> [Int]? {
    guard tuples[tuple].count <= Safetensors.largestRank else { return nil }
    let numbers = tuples[tuple].compactMap { if case .integer(let number) = $0 { number } else { nil } }
    return numbers.count == tuples[tuple].count ? numbers : nil
  }

  /// The kind of a value, for messages.
  func description(of value: PickleValue) -> String {
    switch value {
    case .none: "None"
    case .boolean(let value): value ? "True" : "False"
    case .integer: "an integer"
    case .text: "a text"
    case .bytes, .latin: "bytes"
    case .global(let index): "the class or function \(globals[index].name)"
    case .tuple: "a tuple"
    case .list: "a list"
    case .dictionary: "a dictionary"
    case .storage: "a storage"
    case .tensor: "a tensor"
    case .array: "a NumPy array"
    case .arrayType: "a NumPy type"
    case .unreadable(let index): Self.form(globals[index])
    case .object(let index): "an object of \(globals[index].name)"
    case .opaque: "a number or a set"
    }
  }

  private static func form(_ global: (name: String, meaning: PickleGlobal)) -> String {
    if case .unreadable(let form) = global.meaning { form } else { "a tensor of the class \(global.name)" }
  }
}
