import Foundation
import Synchronization

/// A run that goes on by itself, for apps: its events are an asynchronous sequence, and cancellation ends it after the
/// step, saved.
///
///     let session = TrainingSession(trainer, in: directory)
///     for try await event in session { show(event) }
///     let outcome = try await session.outcome
///
/// Where the task that iterates or that waits for `outcome` is cancelled, the run finishes its step, saves, and ends as
/// `.stopped`; a later session of the same directory, model, data and recipe continues it (`resuming: true`).
public final class TrainingSession: AsyncSequence, Sendable {
  /// What happened in the run.
  public typealias Element = Trainer.Event
  /// Hands out the events, each to one iterator.
  public typealias AsyncIterator = AsyncThrowingStream<Trainer.Event, any Error>.Iterator

  private let events: AsyncThrowingStream<Trainer.Event, any Error>
  private let end: Task<Trainer.Outcome, any Error>
  private let stopping: Stopping

  private final class Stopping: Sendable {
    let isWanted = Atomic(false)
  }

  /// A trainer that one thread has.
  private struct Transferred: @unchecked Sendable {
    // SAFETY: `init` takes the trainer as `sending`: no one else has it, and the queue alone uses it.
    let trainer: Trainer
  }

  /// Starts the run, on a thread of its own and those of the trainer's engine.
  ///
  /// - Parameters:
  ///   - directory: the run's; see `Trainer.run(in:resuming:report:shouldStop:)`, whose errors the sequence and
  ///     `outcome` throw.
  ///   - resumes: whether the run of the directory is continued.
  public init(_ trainer: sending Trainer, in directory: URL, resuming resumes: Bool = false) {
    let (events, continuation) = AsyncThrowingStream.makeStream(of: Trainer.Event.self)
    let (stopping, work) = (Stopping(), Transferred(trainer: trainer))
    continuation.onTermination = { reason in
      if case .cancelled = reason { stopping.isWanted.store(true, ordering: .relaxed) }
    }
    (self.events, self.stopping) = (events, stopping)
    end = Task.detached {
      try await withCheckedThrowingContinuation { waiting in
        // Not a thread of the tasks' pool, which a run would keep for hours.
        DispatchQueue(label: "TrainingSession").async {
          let result = Result {
            try work.trainer.run(
              in: directory, resuming: resumes, report: { continuation.yield($0) },
              shouldStop: { stopping.isWanted.load(ordering: .relaxed) })
          }
          switch result {
          case .success: continuation.finish()
          case .failure(let error): continuation.finish(throwing: error)
          }
          waiting.resume(with: result)
        }
      }
    }
  }

  /// The events from now on. The sequence has one iterator at a time.
  public func makeAsyncIterator() -> AsyncIterator { events.makeAsyncIterator() }

  /// Lets the run end after its step, saved.
  public func stop() { stopping.isWanted.store(true, ordering: .relaxed) }

  /// How the run ended, once it has, all of it written.
  ///
  /// - Throws: what ended it.
  public var outcome: Trainer.Outcome {
    get async throws {
      try await withTaskCancellationHandler {
        try await end.value
      } onCancel: {
        stop()
      }
    }
  }
}
