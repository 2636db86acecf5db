import Foundation
import MultimodalPathway
import PathwayKernels
import PathwayLoops

/// Makes batches of files for a model. All threads of an engine decode files in parallel.
public struct InputBatches: Sendable {
  /// Reads a file.
  public let frontEnd: any FrontEnd
  /// The engine whose threads decode.
  public let engine: Engine
  /// The most views of a batch, at least 1.
  public let size: Int

  /// A view of a file.
  public struct View: Sendable, Hashable {
    /// The index of the file in the list.
    public let file: Int
    /// Whether it is the last view of the file.
    public let isLast: Bool
  }

  /// Views that a model reads in one pass.
  public struct Batch: Sendable {
    /// All views of a file before those of the next one. The views of a file may be in several batches.
    public let views: [View]
    /// The normalised values of the views, (B, ...).
    public let values: Tensor
  }

  /// Batches of at most `size` views, at least 1.
  public init(frontEnd: any FrontEnd, engine: Engine, size: Int) {
    self.frontEnd = frontEnd
    self.engine = engine
    self.size = max(1, size)
  }

  /// The most views that a batch of `files` files has.
  public func mostViews(files: Int) -> Int {
    guard let views = frontEnd.viewCount else { return size }
    let (product, overflow) = files.multipliedReportingOverflow(by: views)
    return max(1, overflow ? size : min(size, product))
  }

  /// Reads files and calls `body` with every batch of them, in their order; see `forEach(_:willRead:unreadable:_:)` of
  /// sources.
  public func forEach(
    _ paths: [String], willRead: () throws -> Void = {},
    unreadable: (_ file: Int, _ reason: any Error) throws -> Void = { throw $1 }, _ body: (Batch) throws -> Void
  ) throws {
    try forEach(
      paths.lazy.map { InputSource.file(URL(fileURLWithPath: $0)) }, willRead: willRead, unreadable: unreadable, body)
  }

  /// Reads files and calls `body` with every batch of them, in their order.
  ///
  /// - Parameters:
  ///   - sources: files on disk or in memory.
  ///   - willRead: called before files are read, a batch of them at a time. It may throw to stop.
  ///   - unreadable: called with the index of a file that cannot be read, and the error; if this does not throw, the
  ///     file is skipped. By default it throws the error.
  ///   - body: called with views of the files that can be read.
  /// - Throws: what the closures throw; `MemoryError` if memory is too small for a batch; `EngineError`.
  public func forEach(
    _ sources: some RandomAccessCollection<InputSource>, willRead: () throws -> Void = {},
    unreadable: (_ file: Int, _ reason: any Error) throws -> Void = { throw $1 }, _ body: (Batch) throws -> Void
  ) throws {
    let values = frontEnd.shape.reduce(1, *)
    let step = max(1, size / (frontEnd.viewCount ?? 1))
    // Values of each file of a step, of all files together, and of a batch.
    let most = SystemMemory.product(min(step, sources.count), frontEnd.viewCount ?? 1, 3)
    try SystemMemory.require(SystemMemory.product(most, values, 4), for: .inputs)
    for start in stride(from: 0, to: sources.count, by: step) {
      try willRead()
      let results = try read(Array(sources.dropFirst(start).prefix(step)))
      var views: [View] = []
      var pixels: [Float] = []
      for (place, result) in results.enumerated() {
        do {
          let own = try result.get()
          pixels += own
          views += (1...own.count / values).map { View(file: start + place, isLast: $0 * values == own.count) }
        } catch {
          try unreadable(start + place, error)
        }
      }
      for first in stride(from: 0, to: views.count, by: size) {
        let range = first..<min(views.count, first + size)
        let batch = Array(pixels[range.lowerBound * values..<range.upperBound * values])
        try body(Batch(views: Array(views[range]), values: Tensor(batch, shape: [range.count] + frontEnd.shape)))
      }
    }
  }

  /// The normalised values of a file, all finite.
  private func values(_ source: InputSource) throws -> [Float] {
    let values: [Float]
    do {
      values = try frontEnd.views(of: source)
    } catch let error as MemoryError {
      throw DataError.notPrepared(file: source.name, reason: "\(error)")
    }
    let isFinite = values.withUnsafeBufferPointer { values in
      // SAFETY: the array has `count` floats.
      values.baseAddress.map { FiniteScan.allFinite($0, count: values.count) } ?? true
    }
    guard isFinite else { throw DataError.notFinite(file: source.name) }
    return values
  }

  /// The normalised values of every file, or the error of reading it. One thread reads each file.
  private func read(_ sources: [InputSource]) throws -> [Result<[Float], any Error>] {
    var results = [Result<[Float], any Error>](repeating: .success([]), count: sources.count)
    try results.withUnsafeMutableBufferPointer { results in
      try engine.run { member in
        member.parallelFor(sources.count) { index in
          results[index] = Result { try values(sources[index]) }
        }
      }
    }
    return results
  }
}
