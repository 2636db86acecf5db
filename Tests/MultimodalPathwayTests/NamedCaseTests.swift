import MultimodalPathway
import PathwayCases
import Testing

/// The named cases of perf/ run, and give the same bits on one thread and on three.
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

  @Test func everyCaseHasItsName() {
    #expect(Set(PathwayCase.all.map(\.name)).count == PathwayCase.all.count)
    #expect(PathwayCase.quick.count { $0.name.contains("ViT-Ti/") } == 7)
    #expect(PathwayCase.quick.count == 7 + PathwayCase.kernels.count + PathwayCase.points.count)
  }

  /// Two operations for each multiply-add, counted by hand: 12 blocks of 197 tokens and 768 channels, patches, head.
  @Test func casesCountTheirOperations() throws {
    func operations(_ name: String) throws -> (Double, items: Int) {
      let work = try #require(PathwayCase.all.first { $0.name == name })
      return (work.operations, work.items)
    }
    let block = 197 * 768 * 2304 + 2 * 197 * 197 * 768 + 197 * 768 * 768 + 2 * 197 * 768 * 3072
    let base = Double(2 * (196 * 768 * 768 + 12 * block + 768 * 1000))
    #expect(try operations("classify one photo, ViT-B/16") == (base, 1))
    #expect(try operations("classify eight photos, ViT-B/16") == (8 * base, 8))
    #expect(try operations("from a file to the first logits, ViT-B/16") == (base, 1))
    #expect(try operations("qkv, 197 x 768 x 2304") == (2 * 197 * 768 * 2304, 1))
    #expect(try operations("attention, 197 tokens, 12 heads") == (4 * 197 * 197 * 768, 1))
    #expect(try operations("fold and pack, 768 x 3072") == (2 * 768 * 3072, 1))
  }
}
