import PathwayLoops

/// The number formats a stored tensor can have, with safetensors' names as raw values.
public enum ElementType: String, Sendable, CaseIterable {
  case bool = "BOOL"
  case uint8 = "U8"
  case int8 = "I8"
  case uint16 = "U16"
  case int16 = "I16"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case uint32 = "U32"
  case int32 = "I32"
  case float32 = "F32"
  case uint64 = "U64"
  case int64 = "I64"
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

  /// Size of an array of that shape, in bytes; nil where it does not fit 64 bits.
  ///
  /// Zeros are left out at first, so that no product of some of the extents overflows, whoever takes it later.
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
