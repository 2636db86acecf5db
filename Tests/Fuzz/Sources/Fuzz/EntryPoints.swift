import Foundation

// What libFuzzer calls: https://llvm.org/docs/LibFuzzer.html. The target is named by the environment's
// M2PT_FUZZ_TARGET, so that one binary serves all.

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
  target.run(UnsafeRawBufferPointer(start: start, count: count))
  return 0
}

/// Mutates `count` bytes at `start` in place, to at most `limit`, and repairs what a reader would refuse at once.
@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(_ start: UnsafeMutablePointer<UInt8>?, _ count: Int, _ limit: Int, _ seed: UInt32) -> Int {
  guard let start else { return 0 }
  let mutated = libFuzzerMutate(start, count, limit)
  // One input in eight stays broken.
  if seed % 8 != 0 {
    target.repair(UnsafeMutableRawBufferPointer(start: start, count: mutated))
  }
  return mutated
}

@_silgen_name("LLVMFuzzerMutate")
private func libFuzzerMutate(_ start: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int) -> Int

// SwiftPM makes the symbol MODULE_main the program's `main`.
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
