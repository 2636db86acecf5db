import Foundation
import PathwayKernels
import Synchronization

/// Reads the inputs of one pass after the other, each while the pass before it runs: on threads of its own, with room
/// for two batches.
///
/// What a place of an epoch reads depends on the seed and on the files alone. Where files that cannot be read are left
/// out, the next file of the epoch's order that can be read takes the place.
package final class BatchReader {
  /// The inputs of a pass; valid until the next call of `next()`.
  package struct Batch {
    /// (B, ...), each as `Samples` has it; the caller may change them.
    package let values: UnsafeMutablePointer<Float>
    /// The classes of each answer: of an input, or of a point of an input.
    package let labels: [[Int]]
    /// The category of each input whose points are labelled; empty for others.
    package let categories: [Int32]
    package let epoch: Int
    /// Of the first input among the epoch's inputs.
    package let place: Int
  }

  /// What became of a place.
  private struct Outcome {
    var labels: [Int]?
    /// Of its points, where they are labelled.
    var parts: [Int] = []
    var failures: [(sample: Int, reason: String)] = []
  }

  /// A batch's memory. Each of its places is written by one operation, and read when all are done.
  private final class Slot: Sendable {
    let values: FloatBuffer
    let outcomes: Mutex<[Outcome]>

    init(values: FloatBuffer, batch: Int) {
      self.values = values
      outcomes = Mutex([Outcome](repeating: Outcome(), count: batch))
    }
  }

  private let samples: any Samples
  private let order: SampleOrder
  private let seed: UInt64
  private let skips: Bool
  private let slots: [Slot]
  private let queue = OperationQueue()
  private let end: Int
  private var pass: Int
  private var started: Int
  /// The order of the epoch that was asked for last.
  private var current: (epoch: Int, order: [Int])?
  private var named: Set<Int> = []
  private let unreadable: (String) -> Void

  /// - Parameters:
  ///   - order: of files; a pass has `repeats` inputs of each.
  ///   - passes: the numbers of the passes that will be read, over all epochs.
  ///   - skips: whether files that cannot be read are left out; otherwise the first ends the run.
  ///   - unreadable: called once for each file that is left out, with what is wrong.
  /// - Throws: `MemoryError`.
  package init(
    _ samples: any Samples, _ order: SampleOrder, seed: UInt64, passes: Range<Int>, threads: Int,
    skips: Bool = false, unreadable: @escaping (String) -> Void = { _ in }
  ) throws {
    (self.samples, self.order, self.seed, self.skips) = (samples, order, seed, skips)
    (pass, started, end, self.unreadable) = (passes.lowerBound, passes.lowerBound, passes.upperBound, unreadable)
    slots = try (0..<2).map { _ in
      Slot(
        values: try FloatBuffer(
          uninitialized: SystemMemory.product(order.batch, samples.repeats, samples.valueCount), for: .inputs),
        batch: order.batch)
    }
    queue.maxConcurrentOperationCount = threads
    queue.qualityOfService = .utility
  }

  deinit { queue.cancelAllOperations() }

  /// Files that were left out so far.
  package var skipped: Int { named.count }

  /// The next pass's inputs. The pass after it begins to be read.
  ///
  /// - Throws: `TrainingError.unreadable` where a file cannot be read and none takes its place.
  package func next() throws -> Batch {
    if started == pass { start() }
    queue.waitUntilAllOperationsAreFinished()
    let slot = slots[pass % 2]
    let (epoch, place) = order.position(ofPass: pass)
    pass += 1
    let outcomes = slot.outcomes.withLock { $0 }
    let unread = outcomes.filter { $0.labels == nil }
    if let reason = unread.first?.failures.first?.reason {
      throw TrainingError.unreadable(reason: reason, count: unread.count)
    }
    for failure in outcomes.flatMap(\.failures) where named.insert(failure.sample).inserted {
      unreadable(failure.reason)
    }
    if pass < end { start() }
    let labels = outcomes.flatMap { outcome in
      outcome.parts.isEmpty
        ? [[Int]](repeating: outcome.labels ?? [], count: samples.repeats) : outcome.parts.map { [$0] }
    }
    let categories = outcomes.filter { !$0.parts.isEmpty }.flatMap { ($0.labels ?? []).map { Int32($0) } }
    return Batch(
      values: slot.values.base, labels: labels, categories: categories, epoch: epoch, place: place * samples.repeats)
  }

  /// Begins to read pass `started`.
  private func start() {
    let (epoch, place) = order.position(ofPass: started)
    if current?.epoch != epoch { current = (epoch, order(epoch: epoch)) }
    let (slot, files) = (slots[started % 2], current?.order ?? [])
    started += 1
    slot.outcomes.withLock { outcomes in
      for index in outcomes.indices { outcomes[index] = Outcome() }
    }
    let (samples, skips, seed, count) = (samples, skips, seed, samples.repeats * samples.valueCount)
    for index in 0..<order.batch {
      queue.addOperation {
        var outcome = Outcome()
        let random = RandomStream(seed: seed, epoch: epoch, place: place + index, .augmentation)
        // SAFETY: the slot has room for a batch, and this operation alone writes this file's inputs.
        let values = UnsafeMutableBufferPointer(start: slot.values.base + index * count, count: count)
        for offset in 0..<(skips ? files.count : 1) {
          let sample = files[(place + index + offset) % files.count]
          do {
            outcome.parts = try samples.readParts(sample, random, into: values)
            outcome.labels = samples.labels[sample]
            break
          } catch {
            outcome.failures.append((sample, "\(error)"))
          }
        }
        slot.outcomes.withLock { [outcome] in $0[index] = outcome }
      }
    }
  }
}
