import Foundation
import MultimodalPathway
import PathwayKernels
import PathwayLoops

/// Files as the batches that a model reads, decoded side by side by all threads of an engine.
public struct InputBatches: Sendable {
  /// What reads a file.
  public let frontEnd: any FrontEnd
  /// Whose threads read.
  public let engine: Engine
  /// Most views of a batch, at least 1.
  public let size: Int

  /// A view of a file.
  public struct View: Sendable, Hashable {
    /// The file's place in the list.
    public let file: Int
    /// Whether it is the file's last view.
    public let isLast: Bool
  }

  /// Views that a model reads in one pass.
  public struct Batch: Sendable {
    /// All views of a file before those of the next; a file's views can be in several batches.
    public let views: [View]
    /// The views' normalised values, (B, ...).
    public let values: Tensor
  }

  /// Batches of at most `size` views; 1 where that is less.
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

  /// Reads files and calls `body` with every batch of them, in their order.
  ///
  /// - Parameters:
  ///   - paths: paths of files.
  ///   - willRead: called before files are read, a batch of them at a time. It may throw to stop.
  ///   - unreadable: called with the place of a file that cannot be read, and why; the file is left out where this
  ///     does not throw. By default it throws the reason.
  ///   - body: called with views of the files that can be read.
  /// - Throws: what the closures throw; `MemoryError` where a batch has no room; `EngineError`.
  public func forEach(
    _ paths: [String], willRead: () throws -> Void = {},
    unreadable: (_ file: Int, _ reason: any Error) throws -> Void = { throw $1 }, _ body: (Batch) throws -> Void
  ) throws {
    let values = frontEnd.shape.reduce(1, *)
    let step = max(1, size / (frontEnd.viewCount ?? 1))
    // Values of the files of a step, of all of them together, and of a batch.
    let most = SystemMemory.product(min(step, paths.count), frontEnd.viewCount ?? 1, 3)
    try SystemMemory.require(SystemMemory.product(most, values, 4), for: .inputs)
    for start in stride(from: 0, to: paths.count, by: step) {
      try willRead()
      let results = try read(Array(paths[start..<min(paths.count, start + step)]))
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

  /// A file's normalised values, all finite.
  private func values(_ path: String) throws -> [Float] {
    let values: [Float]
    do {
      values = try frontEnd.views(of: URL(fileURLWithPath: path))
    } catch let error as MemoryError {
      throw DataError.notPrepared(file: path, reason: "\(error)")
    }
    let isFinite = values.withUnsafeBufferPointer { values in
      // SAFETY: `count` floats are there.
      values.baseAddress.map { FiniteScan.allFinite($0, count: values.count) } ?? true
    }
    guard isFinite else { throw DataError.notFinite(file: path) }
    return values
  }

  /// Every file's normalised values, or why there are none, each read whole by one thread.
  private func read(_ paths: [String]) throws -> [Result<[Float], any Error>] {
    var results = [Result<[Float], any Error>](repeating: .success([]), count: paths.count)
    try results.withUnsafeMutableBufferPointer { results in
      try engine.run { member in
        member.parallelFor(paths.count) { index in
          results[index] = Result { try values(paths[index]) }
        }
      }
    }
    return results
  }
}
