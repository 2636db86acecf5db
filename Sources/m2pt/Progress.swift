import Foundation
import MultimodalPathway

/// How far long work is, on standard error: a bar on a terminal, plain lines some seconds apart elsewhere.
///
/// Work that ends before the first line is due says nothing off a terminal, so that scripts stay quiet.
///
///     var progress = Progress("features", total: 20_000)
///     defer { progress.finish() }
///     progress.advance(by: 8)  // features [#####-----] 8/20000, 61.2/s, 5:27 left
struct Progress {
  private let title: String
  private let total: Int
  private let isTerminal: Bool
  private let start = DispatchTime.now().uptimeNanoseconds
  private var done = 0
  private var lastDrawn: UInt64
  /// What the last drawing said; nil before the first.
  private var drawn: Int?
  private var isFinished = false

  /// Nanoseconds between two drawings: what an eye follows, and what a log bears.
  private var period: UInt64 { isTerminal ? 100_000_000 : 10_000_000_000 }

  /// - Parameter total: steps of the whole work.
  init(_ title: String, total: Int) {
    self.title = title
    self.total = max(0, total)
    let terminal = ProcessInfo.processInfo.environment["TERM"] ?? "dumb"
    isTerminal = isatty(STDERR_FILENO) == 1 && terminal != "dumb"
    lastDrawn = start
  }

  /// Steps since the last call are done.
  mutating func advance(by steps: Int = 1) {
    done += steps
    let now = DispatchTime.now().uptimeNanoseconds
    guard now - lastDrawn >= period else { return }
    lastDrawn = now
    draw(now)
  }

  /// A line of its own, above the bar, whatever names from files are in it.
  mutating func say(_ line: String) {
    write((isTerminal && drawn != nil && !isFinished ? "\r\u{1B}[K" : "") + line.onOneLine() + "\n")
    if isTerminal { lastDrawn = lastDrawn &- min(lastDrawn, period) }
  }

  /// Ends the bar's line with what was reached; calling it again does nothing.
  mutating func finish() {
    guard !isFinished else { return }
    isFinished = true
    guard let drawn else { return }
    if isTerminal || drawn != done { draw(DispatchTime.now().uptimeNanoseconds) }
    if isTerminal { write("\n") }
  }

  private static func rate(_ steps: Int, _ nanoseconds: UInt64) -> Double {
    Double(steps) / max(Double(nanoseconds) * 1e-9, 1e-9)
  }

  private mutating func draw(_ now: UInt64) {
    drawn = done
    let rate = Self.rate(done, now - start)
    let seconds = Double(now - start) * 1e-9
    let time =
      done >= total ? "in " + Self.clock(seconds) : rate > 0 ? Self.clock(Double(total - done) / rate) + " left" : ""
    let numbers = String(format: "%d/%d, %.1f/s, %@", done, total, rate, time)
    guard isTerminal else { return write("\(title): \(numbers)\n") }
    let width = 24
    let filled = total == 0 ? width : min(width, done * width / total)
    let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled)
    // Carriage return first; at the end, erasure of the rest of an older, longer line.
    write("\r\(title) [\(bar)] \(numbers)\u{1B}[K")
  }

  private static func clock(_ seconds: Double) -> String {
    let whole = Int(min(seconds, 3_599_999).rounded())
    return whole >= 3600
      ? String(format: "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
      : String(format: "%d:%02d", whole / 60, whole % 60)
  }

  private func write(_ text: String) { StandardStreams.write(text, to: STDERR_FILENO) }
}
