import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayData

/// What becomes of a run some of whose files give no answer.
struct FailureOptions: ParsableArguments {
  @Flag(
    name: .customLong("fail-fast"),
    help: "Stop at the first file that gives no answer (default: answer the others, then exit with code 1).")
  var failsFast = false
  @Flag(
    name: .customLong("skip-unreadable"),
    help: "Leave out files that cannot be read, and count them; the exit code is 0 all the same.")
  var skipsUnreadable = false

  func validate() throws {
    if failsFast, skipsUnreadable { throw ValidationError("Give either --fail-fast or --skip-unreadable.") }
  }
}

/// A command's work on many files, in memory that does not depend on their number: progress, files that give no answer,
/// interruption.
///
///     let run = try FileRun("classify", files, options: failures)
///     try run.forEachBatch(batches) { batch in ... }
///     try run.end()
final class FileRun {
  /// Paths of the files.
  let names: [String]
  /// Why files were left out that could not be read, where that is allowed.
  private(set) var skipped: [String] = []
  /// Files, and arguments that mean no file, without an answer.
  private(set) var failed = 0

  private let options: FailureOptions
  private let outcome: String
  private var progress: Progress
  /// Files that the run is through with.
  private var done = 0

  /// - Parameters:
  ///   - outcome: of an interrupted run, as a sentence's end.
  /// - Throws: the first argument that means no file, where the options say so.
  init(_ title: String, _ files: InputFiles, options: FailureOptions, interrupted outcome: String? = nil) throws {
    names = files.paths
    self.options = options
    self.outcome = outcome.map { "; \($0)" } ?? ""
    progress = Progress(title, total: files.paths.count)
    reportUnread(files.unread)
    Interruption.watch()
    for failure in files.failures { try fail(failure) }
  }

  /// The same of files that are known one by one.
  init(_ title: String, names: [String], options: FailureOptions, interrupted outcome: String) {
    self.names = names
    self.options = options
    self.outcome = "; \(outcome)"
    progress = Progress(title, total: names.count)
    Interruption.watch()
  }

  /// Calls `body` with every batch of views; `names` has their files.
  ///
  /// - Throws: `ExitCode` where the process was asked to stop, which is reported; what `body` throws; the first failure
  ///   of a file, where the options say so.
  func forEachBatch(_ batches: InputBatches, _ body: (InputBatches.Batch) throws -> Void) throws {
    try batches.forEach(names, willRead: stopIfInterrupted) { _, error in
      try leaveOut(error)
    } _: { batch in
      try body(batch)
      let finished = batch.views.count { $0.isLast }
      done += finished
      progress.advance(by: finished)
    }
  }

  /// Reads one file after the other by `read`, and calls `body` with the file's index and what was read of it.
  ///
  /// - Throws: as `forEachBatch(_:_:)`.
  func forEachFile<Content>(
    _ read: (_ file: Int) throws -> Content, _ body: (_ file: Int, Content) throws -> Void
  ) throws {
    for file in names.indices {
      try stopIfInterrupted()
      let content: Content
      do {
        content = try read(file)
      } catch {
        try leaveOut(error)
        continue
      }
      try body(file, content)
      done += 1
      progress.advance()
    }
  }

  /// Counts a file that cannot be read.
  private func leaveOut(_ error: any Error) throws {
    done += 1
    progress.advance()
    guard options.skipsUnreadable else { return try fail(error) }
    skipped.append(error.toolText)
    progress.say("left out: \(error.toolText)")
  }

  /// Says that a file gives no answer.
  ///
  /// - Throws: `error`, where the options say so.
  func fail(_ error: any Error) throws {
    if options.failsFast { throw error }
    failed += 1
    progress.say("Error: \(error.toolText)")
  }

  /// - Throws: `ExitCode` 1 where a file gave no answer.
  func end() throws {
    progress.finish()
    if failed > 0 {
      if names.count > 1 { report("\(failed) without an answer, of \(names.count) files") }
      throw ExitCode(1)
    }
  }

  private func stopIfInterrupted() throws {
    guard let signal = Interruption.signal else { return }
    progress.finish()
    report("interrupted after \(done) of \(names.count) files\(outcome)")
    throw ExitCode(128 + signal)
  }
}

/// Reports in one line what directories hold and is not read, by kind; nothing where that is nothing.
func reportUnread(_ unread: [String: Int]) {
  let total = unread.values.reduce(0, +)
  guard total > 0 else { return }
  let kinds = unread.sorted { (-$0.value, $0.key) < (-$1.value, $1.key) }
  let shown = kinds.prefix(6).map { "\($0.value) \($0.key)".onOneLine(limit: 60) }
  report(
    "note: \(total) \(total == 1 ? "entry" : "entries") of directories not read: "
      + shown.joined(separator: ", ") + (kinds.count > 6 ? ", ..." : ""))
}

extension ToolError {
  /// A file whose answer means nothing.
  static func answerNotFinite(_ file: String, _ what: String) -> ToolError {
    ToolError(
      "\(file): \(what) is not finite; the file's values, or what the model makes of them, are too large for float32")
  }
}
