import PathwayCheckpoints

extension Tensor {
  /// A float32 tensor in a narrower format, every number rounded once, to nearest, ties to even; nil where a finite one
  /// is beyond the format's range. `.float32` gives the tensor itself.
  func rounded(to type: ElementType) throws -> Tensor? {
    guard type != .float32 else { return self }
    let bits = try float32().map { value in type == .bfloat16 ? Self.bfloat16(value) : Self.float16(value) }
    let words = bits.compactMap { $0 }
    return words.count == bits.count ? Tensor(elementType: type, shape: shape, words: words) : nil
  }

  /// Finite float32 numbers that a format has no finite number for: the place of the first, and how many there are.
  func numbersBeyond(_ type: ElementType) throws -> (first: Int, count: Int) {
    let values = try float32()
    let places = values.indices.filter { index in
      guard values[index].isFinite else { return false }
      switch type {
      case .bfloat16: return Self.bfloat16(values[index]) == nil
      case .float16: return Self.float16(values[index]) == nil
      default: return false
      }
    }
    return (places.first ?? 0, places.count)
  }

  private init(elementType: ElementType, shape: [Int], words: [UInt16]) {
    let memory = Words(words)
    self.init(elementType: elementType, shape: shape, base: UnsafeRawPointer(memory.base), owner: memory)
  }

  /// bfloat16 is the upper half of float32.
  static func bfloat16(_ value: Float) -> UInt16? {
    let bits = value.bitPattern
    // A NaN keeps its upper half, with the bit set that keeps it one.
    guard !value.isNaN else { return UInt16(bits >> 16) | 0x40 }
    let rounded = bits + 0x7FFF + (bits >> 16 & 1)
    guard value.isInfinite || Float(bitPattern: rounded & 0xFFFF_0000).isFinite else { return nil }
    return UInt16(rounded >> 16)
  }

  /// IEEE 754 binary16 by hand: Swift's `Float16` does not exist on every platform this builds for.
  static func float16(_ value: Float) -> UInt16? {
    let sign: UInt16 = value.sign == .minus ? 0x8000 : 0
    guard !value.isNaN else { return sign | 0x7E00 }
    guard value.isFinite else { return sign | 0x7C00 }
    let magnitude = value.magnitude
    // In units of the last place, which below 2^-14 is 2^-24; scaling by a power of two is exact.
    let exponent = max(-14, Int(magnitude.exponent))
    let scaled = magnitude * Float(sign: .plus, exponent: 10 - exponent, significand: 1)
    let units = Int(scaled.rounded(.toNearestOrEven))
    // Rounding up to 2048 units is the next exponent: the carry does that by itself.
    let bits = units - 1024 + ((exponent + 15) << 10)
    guard bits < 0x7C00 else { return nil }
    return sign | UInt16(bits)
  }
}

/// `count` numbers to bfloat16, and the last word's other half to 0; what is beyond its range becomes infinite.
func roundToBFloat16(_ source: UnsafePointer<Float>, _ count: Int, to target: UnsafeMutablePointer<Float>) {
  // SAFETY: the caller has `count` numbers at `source`, and half as many words at `target`.
  let halves = UnsafeMutableRawPointer(target)
  for index in 0..<count {
    let half = Tensor.bfloat16(source[index]) ?? (source[index] < 0 ? 0xFF80 : 0x7F80)
    halves.storeBytes(of: half, toByteOffset: index * 2, as: UInt16.self)
  }
  if count % 2 == 1 { halves.storeBytes(of: 0, toByteOffset: count * 2, as: UInt16.self) }
}

/// Memory of 16-bit numbers, freed with its last tensor.
private final class Words {
  let base: UnsafeMutablePointer<UInt16>

  init(_ words: [UInt16]) {
    // SAFETY: as long as the words, filled here, and not written again.
    base = .allocate(capacity: max(1, words.count))
    base.initialize(from: words, count: words.count)
  }

  deinit { base.deallocate() }
}
