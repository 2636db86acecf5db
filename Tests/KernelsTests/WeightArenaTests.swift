import PathwayKernelTemplates
import PathwayKernels
import Testing

/// The memory of many weights.
@Suite struct WeightArenaTests {
  /// Pieces of any sizes are complete, aligned and disjoint; writing one does not change the others.
  @Test func piecesAreApart() throws {
    let arena = WeightArena()
    let counts = [1, 16, 17, 0, 1000, 3 << 20, 5, 20 << 20, 33, 1 << 20]
    let pieces = try counts.map { count in
      let (memory, offset) = try arena.take(count)
      #expect(offset >= 0 && offset + count <= memory.count)
      #expect(UInt(bitPattern: memory.base + offset) % 64 == 0)
      return (memory, offset)
    }
    for (index, (count, (memory, offset))) in zip(counts, pieces).enumerated() {
      (memory.base + offset).update(repeating: Float(index), count: count)
    }
    for (index, (count, (memory, offset))) in zip(counts, pieces).enumerated() {
      #expect((0..<count).allSatisfy { memory.base[offset + $0] == Float(index) }, "piece \(index)")
    }
  }

  /// Layers of one size, as in a model, share blocks.
  @Test func blocksAreShared() throws {
    let arena = WeightArena()
    let blocks = try (0..<100).map { _ in try arena.take(1 << 18).memory }
    #expect(Set(blocks.map(ObjectIdentifier.init)).count < 10)
  }
}
