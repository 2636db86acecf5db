/// Doubles on the heap, zeroed, freed with the last reference.
package final class DoubleBuffer: @unchecked Sendable {
  // SAFETY: the owner that fills a buffer holds it alone; members of a team write disjoint parts.
  package let base: UnsafeMutablePointer<Double>
  package let count: Int

  package init(count: Int) {
    self.count = count
    base = .allocate(capacity: max(1, count))
    base.initialize(repeating: 0, count: max(1, count))
  }

  deinit { base.deallocate() }
}
