import CLibrarySupport
import Foundation
import PathwayData

// C arguments to Swift values.

/// A text; nil for a null pointer.
func text(_ pointer: UnsafePointer<CChar>?) -> String? { pointer.map { String(cString: $0) } }

/// The place of a file.
///
/// - Throws: `ArgumentError`.
func url(_ path: UnsafePointer<CChar>?) throws -> URL {
  guard let path = text(path), !path.isEmpty else { throw ArgumentError("path is NULL or empty, expected a file") }
  return URL(fileURLWithPath: path)
}

/// Returns the case whose raw value is `name`.
///
/// - Throws: `ArgumentError`.
func value<Value: RawRepresentable<String>>(_ name: String, _ argument: String, _ names: [String]) throws -> Value {
  guard names.contains(name), let value = Value(rawValue: name) else {
    throw ArgumentError("\(argument) is '\(name)', expected \(names.joined(separator: ", "))")
  }
  return value
}

/// A structure of options as far as the caller's header has it; what it lacks is zero, as is all of a null pointer.
///
/// - Throws: `ArgumentError`.
func sized<Options>(
  _ pointer: UnsafePointer<Options>?, _ zero: Options, _ size: KeyPath<Options, Int>, _ argument: String,
  _ initializer: String
) throws -> Options {
  var result = zero
  guard let pointer else { return result }
  let count = pointer.pointee[keyPath: size]
  try check(count, MemoryLayout<Options>.size, argument, initializer)
  // SAFETY: the caller's structure has `count` bytes, at most those of this one.
  withUnsafeMutableBytes(of: &result) { $0.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: count)) }
  return result
}

/// Checks the size in a structure of the caller's.
///
/// - Throws: `ArgumentError`.
func check(_ size: Int, _ known: Int, _ argument: String, _ initializer: String) throws {
  guard size >= MemoryLayout<Int>.size, size <= known else {
    throw ArgumentError(
      "\(argument) has size \(size), expected \(known) or that of an earlier header; begin it with \(initializer)")
  }
}

/// The caller's memory for an answer.
///
/// - Throws: `ArgumentError`.
func room(
  _ pointer: UnsafeMutablePointer<Float>?, _ count: Int, _ needed: Int, _ argument: String
) throws -> UnsafeMutableBufferPointer<Float> {
  guard let pointer, count == needed else {
    throw ArgumentError("\(argument) has room for \(pointer == nil ? 0 : count) floats, expected \(needed)")
  }
  return UnsafeMutableBufferPointer(start: pointer, count: count)
}

/// Calls `body` with the bytes of a file in the caller's memory.
///
/// - Throws: `ArgumentError`; what `body` throws.
func withSource(
  _ data: UnsafeRawPointer?, _ size: Int, _ name: UnsafePointer<CChar>?, _ body: (InputSource) throws -> Void
) throws {
  guard let data, size >= 0 else { throw ArgumentError("data is NULL, expected the bytes of a file") }
  // SAFETY: the caller's memory outlives the call, in which alone the bytes are read.
  let bytes = Data(bytesNoCopy: UnsafeMutableRawPointer(mutating: data), count: size, deallocator: .none)
  try body(.data(bytes, name: text(name) ?? "data"))
}
