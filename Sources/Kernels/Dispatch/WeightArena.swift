/// Memory for the packed weights of one model, next to each other in large pages.
///
/// Where every matrix has memory of its own, all of it that does not fill a large page stands in small ones: most of a
/// ViT-B in int8, whose matrices have 0.6 to 2.3 MB. A pass reads all weights once, and small pages cost it the walks
/// through the page table and the processor's own fetching ahead, which ends with the page.
///
/// For the time of loading, by one thread; matrices keep the blocks alive.
package final class WeightArena {
  private static let largestBlock = (64 << 20) / 4
  private var block: FloatBuffer?
  /// Floats of `block` that are taken.
  private var used = 0

  /// No memory yet.
  package init() {}

  /// A buffer and the place in it, 64-byte aligned, from which on `count` floats are the caller's, not initialised.
  ///
  /// Blocks double, so that a small model takes little and a large one few; of what is left of one, no page is touched
  /// but the one where it begins.
  ///
  /// - Throws: `MemoryError`.
  package func take(_ count: Int) throws -> (memory: FloatBuffer, offset: Int) {
    let rounded = (count + 15) / 16 * 16
    if let block, block.count - used >= rounded {
      defer { used += rounded }
      return (block, used)
    }
    let wanted = max(4 * rounded, 2 * (block?.count ?? 0))
    let fresh = try FloatBuffer(uninitialized: max(rounded, min(wanted, Self.largestBlock)), for: .weights)
    (block, used) = (fresh, rounded)
    return (fresh, 0)
  }
}
