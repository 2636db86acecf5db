import Foundation
import MultimodalPathway

/// The passes of many callers on one thread, which has the whole team of an engine: one pass at a time.
///
/// Files that wait for the same model when a pass begins are read together, by all threads, and share passes. Memory is
/// that of one batch, however many callers wait. A file's answer has the same bits in any company, since those of a pass
/// do not depend on its batch.
final class PassQueue: @unchecked Sendable {
  // SAFETY: all variables are read and written with `condition` locked; those of a ticket too.

  /// A caller's place in the queue.
  final class Ticket: @unchecked Sendable {
    fileprivate var isCancelled = false
    fileprivate var end: ((Result<ClassScores, any Error>) -> Void)?
  }

  private struct Request {
    let ticket: Ticket
    let source: InputSource
    let model: VisionTransformer
  }

  /// Work of one caller that is no classification: it gets what ends it early.
  private struct Job {
    let ticket: Ticket
    let run: (PassCancellation) -> Void
  }

  private enum Work {
    case requests([Request])
    case job(Job)
  }

  private let frontEnd: any FrontEnd
  private let names: [String]?
  /// Most views of a pass.
  private let size: Int
  private let condition = NSCondition()
  private var requests: [Request] = []
  private var jobs: [Job] = []
  /// The tickets of the present work, and what ends its passes.
  private var present: (tickets: [Ticket], cancellation: PassCancellation)?
  private var isEnding = false

  /// A queue with a thread of its own, which `end()` ends.
  init(_ frontEnd: any FrontEnd, names: [String]?, size: Int) {
    (self.frontEnd, self.names, self.size) = (frontEnd, names, size)
    let thread = Thread { [self] in serve() }
    thread.name = "Pipeline"
    thread.stackSize = 8 << 20
    thread.start()
  }

  /// Lets the thread end. No caller waits then: each keeps the pipeline.
  func end() {
    condition.withLock {
      isEnding = true
      condition.signal()
    }
  }

  // MARK: - Callers

  /// The scores of a file.
  ///
  /// - Throws: `CancellationError` at once when the task is cancelled; the error of the file's reader.
  func scores(of source: InputSource, _ model: VisionTransformer) async throws -> ClassScores {
    let ticket = Ticket()
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        enter(ticket, { continuation.resume(with: $0) }) {
          requests.append(Request(ticket: ticket, source: source, model: model))
        }
      }
    } onCancel: {
      cancel(ticket)
    }
  }

  /// The result of work that has the engine for itself.
  ///
  /// - Parameter body: passes what it gets to its workspaces.
  func run<Value: Sendable>(_ body: @escaping @Sendable (PassCancellation) throws -> Value) async throws -> Value {
    let ticket = Ticket()
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
        enter(ticket, { if case .failure(let error) = $0 { continuation.resume(throwing: error) } }) {
          jobs.append(
            Job(ticket: ticket) { [self] cancellation in
              let result = Result { try body(cancellation) }
              if take(ticket) != nil { continuation.resume(with: result) }
            })
        }
      }
    } onCancel: {
      cancel(ticket)
    }
  }

  private func enter(
    _ ticket: Ticket, _ end: @escaping (Result<ClassScores, any Error>) -> Void, _ append: () -> Void
  ) {
    let isCancelled = condition.withLock {
      if ticket.isCancelled { return true }
      ticket.end = end
      append()
      condition.signal()
      return false
    }
    if isCancelled { end(.failure(CancellationError())) }
  }

  /// Ends a caller's wait at once; its pass ends early where it has no other caller.
  private func cancel(_ ticket: Ticket) {
    let end = condition.withLock {
      let end = ticket.end
      (ticket.isCancelled, ticket.end) = (true, nil)
      requests.removeAll { $0.ticket === ticket }
      jobs.removeAll { $0.ticket === ticket }
      if let present, present.tickets.allSatisfy({ $0.end == nil }) { present.cancellation.cancel() }
      return end
    }
    end?(.failure(CancellationError()))
  }

  /// The end of a caller's wait, once; nil where it was cancelled.
  private func take(_ ticket: Ticket) -> ((Result<ClassScores, any Error>) -> Void)? {
    condition.withLock {
      defer { ticket.end = nil }
      return ticket.end
    }
  }

  // MARK: - The thread

  private func serve() {
    // Weak: a model that was exchanged is freed, also if no one asks again.
    weak var last: VisionTransformer?
    var workspace: Workspace?
    while let (work, cancellation) = next() {
      switch work {
      case .job(let job): job.run(cancellation)
      case .requests(let requests):
        do {
          let model = requests[0].model
          if last !== model { workspace = nil }
          let memory = try workspace ?? model.workspace(batch: size)
          (last, workspace) = (model, memory)
          memory.cancellation = cancellation
          try classify(requests, model, memory)
        } catch {
          for request in requests { take(request.ticket)?(.failure(error)) }
        }
      }
      condition.withLock { present = nil }
    }
  }

  /// Waits for work; nil at the end. Jobs and requests take turns.
  private func next() -> (Work, PassCancellation)? {
    condition.withLock {
      while requests.isEmpty, jobs.isEmpty, !isEnding { condition.wait() }
      let cancellation = PassCancellation()
      if let job = jobs.first {
        jobs.removeFirst()
        present = ([job.ticket], cancellation)
        return (.job(job), cancellation)
      }
      guard let model = requests.first?.model else { return nil }
      let taken = Array(requests.prefix(while: { $0.model === model }).prefix(size))
      requests.removeFirst(taken.count)
      present = (taken.map(\.ticket), cancellation)
      return (.requests(taken), cancellation)
    }
  }

  private func classify(_ requests: [Request], _ model: VisionTransformer, _ workspace: Workspace) throws {
    let classifier = try Classifier(model, frontEnd, names: names)
    let batches = InputBatches(frontEnd: frontEnd, engine: model.engine, size: size)
    var sums = classifier.noScores
    func fail(_ file: Int, _ reason: any Error) { take(requests[file].ticket)?(.failure(reason)) }
    try batches.forEach(requests.map(\.source), unreadable: fail) { batch in
      try classifier.add(batch, to: &sums, workspace: workspace) { file, scores in
        take(requests[file].ticket)?(.success(scores))
      }
    }
  }
}
