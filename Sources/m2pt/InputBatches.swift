import Foundation
import MultimodalPathway
import PathwayKernels
import PathwayLoops

/// Files as the batches that a model reads, decoded by all threads of its engine.
struct InputBatches {
  let frontEnd: any FrontEnd
  let engine: Engine
  /// Most views of a batch.
  let size: Int

  /// A view of a file, by the file's place in a list.
  struct Unit {
    let file: Int
    /// Whether it is the file's last view.
    let isLast: Bool
  }

  /// Calls `body` with every batch: views of files, by place in `names`, all of one file before those of the next, and
  /// their normalised values, (B, ...).
  ///
  /// - Parameters:
  ///   - before: called before files are read, a batch of them at a time.
  ///   - skip: called with what keeps a file from being read, which is then left out; it may throw it.
  func forEach(
    _ names: [String], before: () throws -> Void, skip: (any Error) throws -> Void,
    _ body: ([Unit], Tensor) throws -> Void
  ) throws {
    let values = frontEnd.shape.reduce(1, *)
    let step = max(1, size / (frontEnd.viewCount ?? 1))
    // Values of the files of a step, of all of them together, and of a batch.
    let views = SystemMemory.product(min(step, names.count), frontEnd.viewCount ?? 1, 3)
    try SystemMemory.require(SystemMemory.product(views, values, 4), for: .inputs)
    for start in stride(from: 0, to: names.count, by: step) {
      try before()
      let results = try read(Array(names[start..<min(names.count, start + step)]))
      var units: [Unit] = []
      var pixels: [Float] = []
      for (place, result) in results.enumerated() {
        do {
          let own = try result.get()
          pixels += own
          units += (1...own.count / values).map { Unit(file: start + place, isLast: $0 * values == own.count) }
        } catch {
          try skip(error)
        }
      }
      for first in stride(from: 0, to: units.count, by: size) {
        let range = first..<min(units.count, first + size)
        let batch = Array(pixels[range.lowerBound * values..<range.upperBound * values])
        try body(Array(units[range]), Tensor(batch, shape: [range.count] + frontEnd.shape))
      }
    }
  }

  /// A file's normalised values; what memory it lacks is told with its name.
  private func views(_ name: String) throws -> [Float] {
    do {
      return try frontEnd.views(URL(fileURLWithPath: name))
    } catch let error as MemoryError {
      throw ToolError("\(name): \(error.toolText)")
    }
  }

  /// Every file's normalised values, or why there are none, each read whole by one thread.
  private func read(_ names: [String]) throws -> [Result<[Float], any Error>] {
    var results = [Result<[Float], any Error>](repeating: .success([]), count: names.count)
    try results.withUnsafeMutableBufferPointer { results in
      try engine.run { member in
        member.share(names.count) { index in
          results[index] = Result {
            let values = try views(names[index])
            guard values.withUnsafeBufferPointer({ values in
              values.baseAddress.map { FiniteScan.allFinite($0, count: values.count) } ?? true
            }) else {
              throw ToolError(
                "\(names[index]): what the model reads of it is not finite: NaN, or too large for float32")
            }
            return values
          }
        }
      }
    }
    return results
  }
}
