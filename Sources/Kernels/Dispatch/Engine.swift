import CSupport
import Foundation
import PathwayKernelTemplates

/// Where a model runs: a number of threads and an instruction set. Values of it are independent; several may work at
/// once.
public struct Engine: Sendable {
  /// Threads of every parallel region, exactly.
  public let threads: Int
  /// The instruction set of every kernel that it runs.
  public let instructionSet: InstructionSet
  package let kernels: KernelTable

  /// - Parameters:
  ///   - threads: 1...1024; absent: the environment's `OMP_NUM_THREADS`, else the number that the process may use by
  ///     its affinity mask and the quota of its control groups (`ThreadCount`).
  ///   - instructionSet: absent: the one that the environment's `M2PT_ISA` names, else `InstructionSet.usual`.
  /// - Throws: `EngineError` where the number or the set is unavailable.
  public init(threads: Int? = nil, instructionSet: InstructionSet? = nil) throws {
    let environment = ProcessInfo.processInfo.environment
    let wanted = try threads ?? ThreadCount.usual(environment: environment)
    guard ThreadCount.limits.contains(wanted) else { throw EngineError.threadCount(found: "\(wanted)") }
    self.threads = wanted
    ThreadCount.removeWhatTheRuntimeCannotRead(environment: environment)

    let available = InstructionSet.available
    if let instructionSet {
      guard available.contains(instructionSet) else {
        throw EngineError.instructionSet(found: instructionSet.rawValue, available: available)
      }
      self.instructionSet = instructionSet
    } else if let text = environment["M2PT_ISA"], !text.isEmpty {
      guard let set = InstructionSet(rawValue: text), available.contains(set) else {
        throw EngineError.instructionSet(found: text, available: available)
      }
      self.instructionSet = set
    } else {
      self.instructionSet = .usual
    }
    kernels = self.instructionSet.kernels
  }

  /// Runs `body` once on every member of a team, in one parallel region, and waits for all.
  ///
  /// - Throws: `EngineError.threadsUnavailable` before `body` is called anywhere.
  package func run(_ body: (inout Member) -> Void) throws {
    // A closure that might escape lives on the heap: one allocation.
    try withoutActuallyEscaping(body) { body in
      // SAFETY: `body` is what the context's type says, and lives until `run` has waited for the team.
      var body = body
      try run(&body) { member, body in body.assumingMemoryBound(to: ((inout Member) -> Void).self).pointee(&member) }
    }
  }

  /// The same without that allocation: `body` captures nothing and finds what it needs at `context`, a `Context`.
  ///
  /// - Parameter clock: gets the time of what members `begin`; made for at least `threads` members.
  package func run<Context>(
    _ context: inout Context, clock: TeamClock? = nil,
    _ body: @escaping @Sendable (inout Member, UnsafeMutableRawPointer) -> Void
  ) throws {
    // SAFETY: context, counters and region outlive the team, which `mp_team_run` waits for.
    try withUnsafeMutablePointer(to: &context) { context in
      try withUnsafeTemporaryAllocation(of: Int64.self, capacity: Member.counterStride * 3) { counters in
        counters.initialize(repeating: 0)
        guard let base = counters.baseAddress else { return }
        var region = Region(body: body, context: context, counters: base, clock: clock)
        let ran = withUnsafeMutablePointer(to: &region) { region in
          mp_team_run(
            Int32(threads),
            { region, index, count in
              // SAFETY: `region` outlives the call, and members only read it.
              guard let region = region?.assumingMemoryBound(to: Region.self) else { return }
              var member = Member(
                index: Int(index), count: Int(count), counters: region.pointee.counters, clock: region.pointee.clock)
              region.pointee.body(&member, region.pointee.context)
              member.begin(nil)
            }, region)
        }
        guard Int(ran) == threads else { throw EngineError.threadsUnavailable(wanted: threads) }
      }
    }
  }
}

private struct Region {
  let body: @Sendable (inout Member, UnsafeMutableRawPointer) -> Void
  let context: UnsafeMutableRawPointer
  let counters: UnsafeMutablePointer<Int64>
  let clock: TeamClock?
}

/// One thread's place in a team.
///
/// Every member goes through the same sequence of phases. A phase hands out items from a shared counter, so that a slow
/// core takes fewer, and ends at a barrier. Three counters serve any number of phases: a member in phase p knows that
/// all have left p - 1, whose counter is free to be zeroed for p + 2.
package struct Member {
  package let index: Int
  package let count: Int
  private let counters: UnsafeMutablePointer<Int64>
  private var phase = 0
  /// nil: time is not measured.
  private var stopwatch: Stopwatch?

  /// Counters stand a cache line apart.
  fileprivate static let counterStride = 8

  fileprivate init(index: Int, count: Int, counters: UnsafeMutablePointer<Int64>, clock: TeamClock?) {
    self.index = index
    self.count = count
    self.counters = counters
    // Not `map`: its nil is taken for a value where the compiler does not optimise (Swift 6.3).
    if let clock { stopwatch = Stopwatch(clock, member: index) } else { stopwatch = nil }
  }

  /// Counts the time from here to the next call as `label`'s; nil: not counted.
  @inline(__always)
  package mutating func begin(_ label: Int?) { stopwatch?.begin(label) }

  /// Calls `body` with items of `0..<items`, each on one member, and waits until all are done.
  @inline(__always)
  package mutating func parallelFor(_ items: Int, _ body: (Int) -> Void) {
    if count == 1 {
      for item in 0..<items { body(item) }
      return
    }
    let counter = counters + phase % 3 * Member.counterStride
    if index == 0 { counters[(phase + 2) % 3 * Member.counterStride] = 0 }
    while true {
      let item = Int(mp_take(counter, 1))
      if item >= items { break }
      body(item)
    }
    phase += 1
    let arrival = stopwatch == nil ? 0 : Stopwatch.now
    mp_team_barrier()
    stopwatch?.waited(since: arrival)
  }
}

/// Why an engine cannot be made or run.
public enum EngineError: CodedError, Equatable {
  /// A number of threads outside 1...1024.
  case threadCount(found: String)
  /// A thread count in the environment that is not one.
  case threadVariable(name: String, found: String)
  /// An instruction set that is unknown, or that this processor lacks.
  case instructionSet(found: String, available: [InstructionSet])
  /// The system refuses to start that many threads.
  case threadsUnavailable(wanted: Int)

  /// The identifier of the case, stable within a major version.
  public var code: String {
    switch self {
    case .threadCount: "engine.thread-count"
    case .threadVariable: "engine.thread-variable"
    case .instructionSet: "engine.instruction-set"
    case .threadsUnavailable: "engine.threads-unavailable"
    }
  }

  /// What was found, what was expected and what to do, on one line: text from files is escaped.
  public var description: String { text.onOneLine() }

  private var text: String {
    switch self {
    case .threadCount(let found):
      "a thread count of \(found) is not possible; use a number from 1 to 1024"
    case .threadVariable(let name, let found):
      "the environment variable \(name) is '\(found)', expected a number from 1 to 1024, or a list that begins with "
        + "one; correct it or unset it"
    case .instructionSet(let found, let available):
      "instruction set '\(found)' is not available here; this processor runs "
        + available.map(\.rawValue).joined(separator: ", ") + " (set M2PT_ISA to one of these, or unset it)"
    case .threadsUnavailable(let wanted):
      "the system did not give \(wanted) threads; ask for fewer, or raise OMP_THREAD_LIMIT or the process limit"
    }
  }
}
