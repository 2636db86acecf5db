import Foundation
import PathwayCheckpoints
import TestSupport
import Testing

/// Conversions, compared with arithmetic in Double: the nearer of the two neighbours, found by another method.
@Suite struct ConversionTests {
  private func tensor<Bits: FixedWidthInteger>(_ bits: [Bits], _ type: ElementType) -> Tensor {
    Tensor(elementType: type, shape: [bits.count]) { bytes in
      bits.withUnsafeBytes { bytes.copyMemory(from: $0) }
    }
  }

  private func bits<Bits: FixedWidthInteger>(_ tensor: Tensor, _: Bits.Type) -> [Bits] {
    tensor.withUnsafeBytes { bytes in
      (0..<tensor.count).map { bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Bits>.size, as: Bits.self) }
    }
  }

  /// A format of two bytes: its value by the definition in IEEE 754, and the bits of the nearest value.
  struct Format: Sendable, CustomTestStringConvertible {
    var type: ElementType
    var fractionBits: Int
    var bias: Int
    var testDescription: String { type.rawValue }
    static let all = [
      Format(type: .float16, fractionBits: 10, bias: 15), Format(type: .bfloat16, fractionBits: 7, bias: 127),
    ]

    var infinity: UInt16 { UInt16(2 * bias + 1) << fractionBits }

    func value(_ bits: UInt16) -> Double {
      let magnitude = bits & 0x7FFF
      let fraction = Double(magnitude & (1 << fractionBits - 1)) / Double(1 << fractionBits)
      let exponent = Int(magnitude >> fractionBits)
      let size: Double
      if exponent == 2 * bias + 1 {
        size = fraction == 0 ? .infinity : .nan
      } else if exponent == 0 {
        size = fraction * pow(2, Double(1 - bias))
      } else {
        size = (1 + fraction) * pow(2, Double(exponent - bias))
      }
      return bits & 0x8000 == 0 ? size : -size
    }

    /// By bisection over the bit patterns, which are in the order of the values.
    func nearest(_ value: Double) -> UInt16 {
      let sign: UInt16 = value.sign == .minus ? 0x8000 : 0
      var (low, high) = (UInt16(0), infinity)
      if value.isInfinite { return sign | infinity }
      while high - low > 1 {
        let middle = low + (high - low) / 2
        if self.value(middle) <= value.magnitude { low = middle } else { high = middle }
      }
      // Beyond the largest number, the next one would be one more step away.
      let top = high == infinity ? 2 * self.value(low) - self.value(low - 1) : self.value(high)
      let (below, above) = (value.magnitude - self.value(low), top - value.magnitude)
      return sign | (below < above || below == above && low % 2 == 0 ? low : high)
    }
  }

  @Test(arguments: Format.all) func everyPatternWidensExactlyAndComesBack(_ format: Format) throws {
    let all = (0...UInt16.max).map { $0 }
    let stored = tensor(all, format.type)
    let (single, double) = (try stored.float32(), bits(try stored.converted(to: .float64), UInt64.self))
    let back = bits(try Tensor(single, shape: [single.count]).converted(to: format.type), UInt16.self)
    let fromDouble = bits(try stored.converted(to: .float64).converted(to: format.type), UInt16.self)
    var wrong = 0
    for pattern in all {
      let (index, expected) = (Int(pattern), format.value(pattern))
      let wide = Double(bitPattern: double[index])
      if expected.isNaN {
        // Quiet; the payload is otherwise kept.
        let quiet = pattern | 1 << UInt16(format.fractionBits - 1)
        if !single[index].isNaN || single[index].isSignalingNaN || !wide.isNaN || back[index] != quiet { wrong += 1 }
        if fromDouble[index] != quiet { wrong += 1 }
      } else {
        if Double(single[index]).bitPattern != expected.bitPattern { wrong += 1 }
        if wide.bitPattern != expected.bitPattern { wrong += 1 }
        if back[index] != pattern || fromDouble[index] != pattern { wrong += 1 }
      }
    }
    #expect(wrong == 0)
  }

  @Test(arguments: Format.all) func midpointsAndTheirNeighboursRound(_ format: Format) throws {
    var values: [Double] = [0, -0.0, .infinity, -.infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude, 0x1p-149]
    for pattern in 0..<format.infinity {
      let low = format.value(pattern)
      let high = pattern + 1 == format.infinity ? 2 * low - format.value(pattern - 1) : format.value(pattern + 1)
      let middle = (low + high) / 2
      values += [middle, -middle, middle.nextUp, middle.nextDown]
      // In float32 the midpoint is exact too; so are its neighbours.
      values += [Double(Float(middle).nextUp), -Double(Float(middle).nextDown)]
    }
    let doubles = tensor(values.map(\.bitPattern), .float64)
    let found = bits(try doubles.converted(to: format.type), UInt16.self)
    #expect(zip(values, found).allSatisfy { format.nearest($0) == $1 })
    let singles = values.map { Float($0) }
    let narrow = bits(try Tensor(singles, shape: [singles.count]).converted(to: format.type), UInt16.self)
    #expect(zip(singles, narrow).allSatisfy { format.nearest(Double($0)) == $1 })
  }

  @Test(arguments: Format.all) func everyExponentOfFloat32Rounds(_ format: Format) throws {
    var random = SeededGenerator(seed: 14)
    let values = (0..<1 << 17).map { (index: Int) -> Float in
      let (sign, fraction) = (UInt32(index & 1) << 31, UInt32.random(in: 0..<1 << 23, using: &random))
      return Float(bitPattern: sign | UInt32(index % 255) << 23 | fraction)
    }
    let found = bits(try Tensor(values, shape: [values.count]).converted(to: format.type), UInt16.self)
    #expect(zip(values, found).allSatisfy { format.nearest(Double($0)) == $1 })
  }

  @Test func float64RoundsToFloat32() throws {
    let middle = 1 + 0x1p-24
    let values: [Double] = [
      middle, middle.nextUp, middle.nextDown, 1 + 0x1.8p-23, 1e300, -1e300, 0x1p-150, 0x1.8p-150, .nan,
    ]
    let found = try tensor(values.map(\.bitPattern), .float64).float32()
    let expected: [Float] = [1, 1 + 0x1p-23, 1, 1 + 0x1p-22, .infinity, -.infinity, 0, 0x1p-149]
    #expect(Array(found.dropLast()) == expected)
    #expect(found.last?.isNaN == true)
  }

  @Test func payloadsOfFloat32NaNsKeepTheirLeadingBits() throws {
    let values = tensor([0x7FC1_2000, 0xFF80_0001, 0x7F81_0000, 0xFFFF_FFFF] as [UInt32], .float32)
    let brains: [UInt16] = bits(try values.converted(to: .bfloat16), UInt16.self)
    let halves: [UInt16] = bits(try values.converted(to: .float16), UInt16.self)
    #expect(brains == [0x7FC1, 0xFFC0, 0x7FC1, 0xFFFF])
    #expect(halves == [0x7E09, 0xFE00, 0x7E08, 0xFFFF])
    // Not a conversion: no bit changes.
    let (same, stored) = (try values.float32().map(\.bitPattern), bits(values, UInt32.self))
    #expect(same == stored)
  }

  @Test func otherTypesAreRefused() throws {
    let whole = tensor([1, 2] as [Int32], .int32)
    #expect(throws: CheckpointError.notFloatingPoint(found: .int32)) { try whole.float32() }
    #expect(throws: CheckpointError.notFloatingPoint(found: .int32)) { try whole.converted(to: .float16) }
    let real = Tensor([1], shape: [1])
    #expect(throws: CheckpointError.notFloatingPoint(found: .uint8)) { try real.converted(to: .uint8) }
    let unchanged = bits(try whole.converted(to: .int32), Int32.self)
    #expect(unchanged == [1, 2])
    let empty = Tensor([], shape: [2, 0])
    for type in ElementType.allCases where type.isFloatingPoint {
      let shape = try empty.converted(to: type).shape
      #expect(shape == [2, 0])
    }
  }

  @Test func unalignedElementsConvert() throws {
    let header = #"{"a":{"dtype":"F64","shape":[2],"data_offsets":[0,16]}}"#
    for padding in 0..<8 {
      var bytes = file(header + String(repeating: " ", count: padding), data: 0)
      for value in [1.5, -2.25] { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 } }
      try withFile(bytes) { url in
        let tensor = try #require(try Checkpoint(contentsOf: url).tensors["a"])
        let (single, half) = (try tensor.float32(), try tensor.converted(to: .float16).float32())
        #expect(single == [1.5, -2.25] && half == [1.5, -2.25])
      }
    }
  }
}
