import Foundation
import PathwayKernels
import TestSupport
import Testing

/// Effects of an engine on its process, each test in a process of its own.
@Suite struct EngineProcessTests {
  /// The number of threads of the process.
  static func threads() throws -> Set<String> {
    Set(try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task"))
  }

  /// Processor time of all threads, in seconds.
  static func processorTime() -> Double { Double(clock()) / Double(CLOCKS_PER_SEC) }

  @Test func oneThreadMakesNoTeam() async {
    await #expect(processExitsWith: .success) {
      let engine = try Engine(threads: 1)
      let before = try EngineProcessTests.threads()
      for _ in 0..<100 { try engine.run { member in member.parallelFor(10) { _ in } } }
      let after = try EngineProcessTests.threads()
      #expect(after.subtracting(before).isEmpty)
      let start = EngineProcessTests.processorTime()
      usleep(300_000)
      #expect(EngineProcessTests.processorTime() - start < 0.01)
    }
  }

  @Test func aTeamHasTheRequestedSizeAndSleepsAfterwards() async {
    await #expect(processExitsWith: .success) {
      let before = try EngineProcessTests.threads()
      for _ in 0..<20 { try Engine(threads: 5).run { member in member.parallelFor(10) { _ in } } }
      let after = try EngineProcessTests.threads()
      #expect(after.subtracting(before).count == 4)
      // A smaller team uses some of the threads, and makes no more.
      try Engine(threads: 3).run { member in member.parallelFor(10) { _ in } }
      let again = try EngineProcessTests.threads()
      #expect(again.subtracting(after).isEmpty)
      // OpenMP threads wait 200 ms for more work before they sleep (KMP_BLOCKTIME).
      usleep(600_000)
      let start = EngineProcessTests.processorTime()
      usleep(300_000)
      #expect(EngineProcessTests.processorTime() - start < 0.01)
    }
  }

  @Test func threadsThatTheSystemRefusesAreAnError() async {
    await #expect(processExitsWith: .success) {
      // Room for a few more stacks of 8 MiB, not for 63.
      let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ").first
      let used = try #require(pages.flatMap { rlim_t($0) }) * rlim_t(sysconf(Int32(_SC_PAGESIZE)))
      var limit = rlimit()
      #expect(getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0)
      limit.rlim_cur = used + (64 << 20)
      #expect(setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0)
      let refusal = EngineError.threadsUnavailable(wanted: 64)
      #expect(throws: refusal) { try Engine(threads: 64).run { _ in } }
      // The process continues, with a team that fits.
      nonisolated(unsafe) var sum = 0
      try Engine(threads: 2).run { member in if member.index == 0 { sum += member.count } }
      #expect(sum == 2)
    }
  }

  @Test func theEnvironmentIsObeyedOrRefused() async {
    await #expect(processExitsWith: .success) {
      setenv("M2PT_ISA", "neon", 1)
      let expected = EngineError.instructionSet(found: "neon", available: InstructionSet.available)
      #expect(throws: expected) { try Engine(threads: 1) }
      setenv("M2PT_ISA", "", 1)
      let usual = try Engine(threads: 1).instructionSet
      #expect(usual == .usual)
      for set in InstructionSet.allCases {
        setenv("M2PT_ISA", set.rawValue, 1)
        if InstructionSet.available.contains(set) {
          let chosen = try Engine(threads: 1).instructionSet
          #expect(chosen == set)
        } else {
          #expect(throws: EngineError.self) { try Engine(threads: 1) }
        }
      }
      unsetenv("M2PT_ISA")
      setenv("OMP_NUM_THREADS", "three", 1)
      #expect(throws: EngineError.threadVariable(name: "OMP_NUM_THREADS", found: "three")) { try Engine() }
      setenv("OMP_NUM_THREADS", "3", 1)
      let threads = try Engine().threads
      #expect(threads == 3)
    }
  }

  /// Values that would make the OpenMP runtime abort the process have no effect if the caller gives the number.
  @Test func noValueOfTheVariableAbortsATeam() async {
    await #expect(processExitsWith: .success) {
      setenv("OMP_NUM_THREADS", "", 1)
      try EngineProcessTests.expectTeamOfThree()
    }
    await #expect(processExitsWith: .success) {
      setenv("OMP_NUM_THREADS", "4;2", 1)
      try EngineProcessTests.expectTeamOfThree()
    }
    await #expect(processExitsWith: .success) {
      setenv("OMP_NUM_THREADS", "99999999999999999999", 1)
      try EngineProcessTests.expectTeamOfThree()
    }
  }

  static func expectTeamOfThree() throws {
    var count = 0
    try Engine(threads: 3).run { member in if member.index == 0 { count = member.count } }
    #expect(count == 3)
  }

  /// Engines of several threads run at the same time, in tasks and in threads, with the bits of separate runs.
  @Test(arguments: InstructionSet.available)
  func concurrentEnginesDoNotMeet(_ set: InstructionSet) async throws {
    @Sendable func product(_ threads: Int, _ seed: UInt64) throws -> [Float] {
      var random = SeededGenerator(seed: seed)
      let shape = LinearCase(m: 50, n: 70, k: 90)
      let (a, weight) = (random.floats(shape.m * shape.k), random.floats(shape.n * shape.k))
      var c = [Float](repeating: .nan, count: shape.m * shape.n)
      let engine = try Engine(threads: threads, instructionSet: set)
      try linearProduct(shape, a: a, lda: shape.k, weight: weight, engine: engine, ldc: shape.n, c: &c)
      return c
    }
    let alone = try (0..<4).map { try product(1, UInt64($0)) }
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for index in 0..<24 {
        group.addTask { try product(1 + index % 5, UInt64(index % 4)) == alone[index % 4] }
      }
      for try await isEqual in group { #expect(isEqual) }
    }
    let workers = (0..<4).map { index in Worker { try product(1 + index, UInt64(index)) } }
    for (index, worker) in workers.enumerated() {
      let result = try worker.wait()
      #expect(result == alone[index])
    }
  }
}

/// Runs work on a thread outside Swift's concurrency and returns its result.
private final class Worker: @unchecked Sendable {
  // SAFETY: `result` is written before the semaphore is signalled and read after.
  private let done = DispatchSemaphore(value: 0)
  private var result: Result<[Float], any Error>?

  init(_ body: @escaping @Sendable () throws -> [Float]) {
    Thread.detachNewThread {
      self.result = Result { try body() }
      self.done.signal()
    }
  }

  func wait() throws -> [Float] {
    done.wait()
    return try result?.get() ?? []
  }
}
