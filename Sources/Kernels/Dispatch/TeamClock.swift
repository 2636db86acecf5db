import Dispatch

/// Where the time of a team goes, by label: a row of totals for every member. `Engine.run` takes one or none; members
/// without one read no clock.
package final class TeamClock: @unchecked Sendable {
  // SAFETY: a member writes its own row; `total` is read when no team runs.

  /// What one label took.
  package struct Total: BitwiseCopyable {
    package var calls = 0
    package var nanoseconds: UInt64 = 0
    /// Of these, at barriers: done, and others not yet.
    package var waiting: UInt64 = 0
  }

  private let threads: Int
  private let rows: UnsafeMutablePointer<Total>
  /// From row to row: whole groups of eight totals, which are three cache lines, so that rows share none.
  private let stride: Int

  /// - Parameter labels: they are `0..<labels`.
  package init(labels: Int, threads: Int) {
    self.threads = threads
    stride = (labels + 7) / 8 * 8
    let count = stride * threads
    rows = UnsafeMutableRawPointer.allocate(byteCount: count * MemoryLayout<Total>.stride, alignment: 64)
      .bindMemory(to: Total.self, capacity: count)
    rows.initialize(repeating: Total(), count: count)
  }

  deinit { rows.deallocate() }

  package func reset() { rows.update(repeating: Total(), count: stride * threads) }

  /// The first member's calls and time, and how much of it members did not work, in the mean: what a member that lost
  /// its processor slept at a barrier, while others went on, is no label's.
  package func total(_ label: Int) -> Total {
    var total = rows[label]
    let working = (0..<threads).reduce(UInt64(0)) { sum, member in
      let own = rows[member * stride + label]
      return sum + own.nanoseconds - own.waiting
    }
    total.waiting = total.nanoseconds - min(total.nanoseconds, working / UInt64(threads))
    return total
  }

  fileprivate func row(_ member: Int) -> UnsafeMutablePointer<Total> { rows + member * stride }
}

/// One member's hand on a `TeamClock`.
struct Stopwatch {
  private let totals: UnsafeMutablePointer<TeamClock.Total>
  private var label: Int?
  private var since: UInt64 = 0

  /// - Parameter clock: must outlive it.
  init(_ clock: TeamClock, member: Int) { totals = clock.row(member) }

  static var now: UInt64 { DispatchTime.now().uptimeNanoseconds }

  /// Ends the label that runs and begins `next`; nil: none.
  mutating func begin(_ next: Int?) {
    let now = Self.now
    if let label { totals[label].nanoseconds += now - since }
    if let next { totals[next].calls += 1 }
    label = next
    since = now
  }

  func waited(since arrival: UInt64) {
    if let label { totals[label].waiting += Self.now - arrival }
  }
}
