import Foundation

// The functions that libFuzzer calls: https://llvm.org/docs/LibFuzzer.html. The environment variable M2PT_FUZZ_TARGET
// names the target, so that one binary serves all.

private let target: FuzzTarget = {
  let name = ProcessInfo.processInfo.environment["M2PT_FUZZ_TARGET"] ?? ""
  guard let target = FuzzTarget(rawValue: name) else {
    let known = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
    FileHandle.standardError.write(Data("M2PT_FUZZ_TARGET is '\(name)', expected one of \(known)\n".utf8))
    exit(2)
  }
  return target
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // -1 keeps an input out of the corpus.
  target.run(UnsafeRawBufferPointer(start: start, count: count)) ? 0 : -1
}

/// Mutates `count` bytes at `start` in place, to at most `limit`.
@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(_ start: UnsafeMutablePointer<UInt8>?, _ count: Int, _ limit: Int, _ seed: UInt32) -> Int {
  guard let start, limit > 0 else { return 0 }
  guard target.hasStructure else { return libFuzzerMutate(start, count, limit) }
  // SAFETY: libFuzzer gives `limit` bytes at `start`, of which `count` are set.
  let buffer = UnsafeMutableBufferPointer(start: start, count: limit)
  var bytes = Array(buffer[..<count])
  var random = SplitMix(seed: seed)
  target.mutate(&bytes, limit: limit, random: &random) { part, limit in
    guard limit > 0 else { return Array(part) }
    // A part at most doubles: room for `limit` bytes would have to be cleared for each mutation.
    let room = min(limit, 2 * part.count + 64)
    return [UInt8](unsafeUninitializedCapacity: max(room, part.count)) { memory, filled in
      _ = memory.initialize(fromContentsOf: part)
      memory[part.count...].initialize(repeating: 0)
      filled = memory.baseAddress.map { libFuzzerMutate($0, part.count, max(room, part.count)) } ?? 0
    }
  }
  let written = min(bytes.count, limit)
  _ = buffer.update(fromContentsOf: bytes[..<written])
  return written
}

@_silgen_name("LLVMFuzzerMutate")
private func libFuzzerMutate(_ start: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int) -> Int

// SwiftPM makes the symbol MODULE_main the `main` of the program.
@_cdecl("Fuzz_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
  var (count, arguments) = (count, arguments)
  return runDriver(&count, &arguments, testOneInput)
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt
