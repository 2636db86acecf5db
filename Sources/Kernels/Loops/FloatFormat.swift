/// Conversions between the floating-point formats of stored tensors, by bits: Swift's `Float16` does not exist on every
/// platform this builds for. Loops have no branches, so that the compiler can make vectors of them.
package enum FloatFormat: Sendable {
  case float16
  case bfloat16
  case float32
  case float64

  /// Writes `count` numbers of format `target` to `destination`, each rounded once, to nearest, ties to even.
  ///
  /// - Parameter source: `count` numbers of this format, of any alignment.
  package func convert(
    _ source: UnsafeRawPointer, to target: FloatFormat, at destination: UnsafeMutableRawPointer, count: Int
  ) {
    let pass = Pass(source: source, target: destination, count: count)
    switch (self, target) {
    case (.float16, .float32): pass.map { FloatBits.single(half: $0).bitPattern }
    case (.float16, .bfloat16): pass.map { FloatBits.brain(FloatBits.single(half: $0)) }
    case (.float16, .float64): pass.map { Double(FloatBits.single(half: $0)).bitPattern }
    case (.bfloat16, .float32): pass.map { FloatBits.single(brain: $0).bitPattern }
    case (.bfloat16, .float16): pass.map { FloatBits.half(FloatBits.single(brain: $0)) }
    case (.bfloat16, .float64): pass.map { Double(FloatBits.single(brain: $0)).bitPattern }
    case (.float32, .float16): pass.map { FloatBits.half(Float(bitPattern: $0)) }
    case (.float32, .bfloat16): pass.map { FloatBits.brain(Float(bitPattern: $0)) }
    case (.float32, .float64): pass.map { Double(Float(bitPattern: $0)).bitPattern }
    case (.float64, .float16): pass.map { FloatBits.half(FloatBits.oddSingle(Double(bitPattern: $0))) }
    case (.float64, .bfloat16): pass.map { FloatBits.brain(FloatBits.oddSingle(Double(bitPattern: $0))) }
    case (.float64, .float32): pass.map { Float(Double(bitPattern: $0)).bitPattern }
    case (.float16, .float16), (.bfloat16, .bfloat16): destination.copyMemory(from: source, byteCount: count * 2)
    case (.float32, .float32): destination.copyMemory(from: source, byteCount: count * 4)
    case (.float64, .float64): destination.copyMemory(from: source, byteCount: count * 8)
    }
  }
}

private struct Pass {
  let source: UnsafeRawPointer
  let target: UnsafeMutableRawPointer
  let count: Int

  /// Calls `body` with the bits of every number and stores what it returns.
  @inline(__always)
  func map<Source: FixedWidthInteger, Target: FixedWidthInteger>(_ body: (Source) -> Target) {
    // SAFETY: `source` has `count` numbers of Source's size, `target` has room for the same number of Target's, in
    // memory of its own.
    for index in 0..<count {
      let bits = source.loadUnaligned(fromByteOffset: index &* MemoryLayout<Source>.size, as: Source.self)
      target.storeBytes(of: body(bits), toByteOffset: index &* MemoryLayout<Target>.size, as: Target.self)
    }
  }
}
