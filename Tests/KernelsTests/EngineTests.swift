import PathwayKernels
import Testing

@Suite struct EngineTests {
  @Test func refusesImpossibleThreadCounts() {
    for count in [0, -1, 1025] {
      #expect(throws: EngineError.threadCount(found: "\(count)")) { try Engine(threads: count) }
    }
  }

  @Test(arguments: [1, 2, 3, 8])
  func runsExactlyTheRequestedThreads(_ threads: Int) throws {
    let engine = try Engine(threads: threads)
    var seen = [Int](repeating: 0, count: threads)
    try seen.withUnsafeMutableBufferPointer { seen in
      nonisolated(unsafe) let seen = seen
      try engine.run { member in
        seen[member.index] += 1
        #expect(member.count == threads)
      }
    }
    #expect(seen == [Int](repeating: 1, count: threads))
  }

  @Test func everyItemOfEveryPhaseIsDoneOnce() throws {
    let engine = try Engine(threads: 4)
    let phases = 50
    var counts = [Int](repeating: 0, count: phases * 37)
    try counts.withUnsafeMutableBufferPointer { counts in
      nonisolated(unsafe) let counts = counts
      try engine.run { member in
        for phase in 0..<phases {
          member.parallelFor(37) { counts[phase * 37 + $0] += 1 + (phase > 0 ? counts[(phase - 1) * 37 + 36 - $0] : 0) }
        }
      }
    }
    for phase in 0..<phases { for item in 0..<37 { #expect(counts[phase * 37 + item] == phase + 1) } }
  }
}
