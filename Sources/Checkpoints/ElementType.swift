import PathwayLoops

/// The number formats a stored tensor can have, with safetensors' names as raw values.
public enum ElementType: String, Sendable, CaseIterable {
  /// A boolean in a byte.
  case bool = "BOOL"
  /// An unsigned integer of 8 bits.
  case uint8 = "U8"
  /// A signed integer of 8 bits.
  case int8 = "I8"
  /// An unsigned integer of 16 bits.
  case uint16 = "U16"
  /// A signed integer of 16 bits.
  case int16 = "I16"
  /// IEEE 754 binary16.
  case float16 = "F16"
  /// The upper half of binary32: 8 bits of exponent, 7 of fraction.
  case bfloat16 = "BF16"
  /// An unsigned integer of 32 bits.
  case uint32 = "U32"
  /// A signed integer of 32 bits.
  case int32 = "I32"
  /// IEEE 754 binary32.
  case float32 = "F32"
  /// An unsigned integer of 64 bits.
  case uint64 = "U64"
  /// A signed integer of 64 bits.
  case int64 = "I64"
  /// IEEE 754 binary64.
  case float64 = "F64"

  /// Size of one element, in bytes.
  public var byteCount: Int {
    switch self {
    case .bool, .uint8, .int8: 1
    case .uint16, .int16, .float16, .bfloat16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    }
  }

  /// Size of an array of that shape, in bytes; nil if it does not fit 64 bits.
  ///
  /// An array without elements must fit too, without its zeros: a product of some of the extents may be computed later.
  func byteCount(ofShape shape: [Int]) -> Int? {
    var bytes = byteCount
    for extent in shape where extent > 0 {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: extent)
      guard !overflow else { return nil }
      bytes = product
    }
    return shape.contains(0) ? 0 : bytes
  }

  /// Whether values of this format are real numbers that convert to float32 (with rounding for float64).
  public var isFloatingPoint: Bool { floatFormat != nil }

  /// The format to convert from or to; nil for whole numbers and booleans.
  var floatFormat: FloatFormat? {
    switch self {
    case .float16: .float16
    case .bfloat16: .bfloat16
    case .float32: .float32
    case .float64: .float64
    case .bool, .uint8, .int8, .uint16, .int16, .uint32, .int32, .uint64, .int64: nil
    }
  }
}
