import MultimodalPathway
import PathwayCases
import Testing

/// The named cases that perf/ times: they run, and give the same bits on one thread and on three.
@Suite struct NamedCaseTests {
  @Test(arguments: PathwayCase.quick, InstructionSet.available)
  func sameBitsOnAnyThreads(_ work: PathwayCase, _ set: InstructionSet) throws {
    let outputs = try [1, 3].map { threads in
      let run = try work.prepare(Engine(threads: threads, instructionSet: set))
      try run()
      return run.output
    }
    #expect(outputs[0] == outputs[1])
    #expect(outputs[0].allSatisfy(\.isFinite) && outputs[0].contains { $0 != 0 })
  }

  @Test func everyCaseHasItsNameAndWork() {
    #expect(Set(PathwayCase.all.map(\.name)).count == PathwayCase.all.count)
    #expect((PathwayCase.models + PathwayCase.kernels).allSatisfy { $0.operations > 0 && $0.items > 0 })
    #expect(PathwayCase.quick.count > PathwayCase.kernels.count + 5)
  }
}
