/// Stochastic depth (Huang et al. 2016): a branch of a block is left out for an input with a probability that rises in
/// a line from 0 in the first block to `rate` in the last, and is scaled by 1 / (1 - probability) where it stays, as
/// in timm.
package struct DropPath: Sendable {
  /// The probability of the last block.
  package let rate: Double
  /// Number of blocks.
  package let depth: Int
  private let seed: UInt64

  package init(rate: Double, depth: Int, seed: UInt64) {
    (self.rate, self.depth, self.seed) = (rate, depth, seed)
  }

  /// The probability that a branch of a block is left out.
  package func probability(ofBlock block: Int) -> Double {
    depth > 1 ? rate * Double(block) / Double(depth - 1) : rate
  }

  /// Factors of the branches of an input, (depth, 2): of attention, then of the MLP, block by block.
  ///
  /// - Parameter place: of the input in the epoch's order.
  package func factors(epoch: Int, place: Int) -> [Float] {
    var random = RandomStream(seed: seed, epoch: epoch, place: place, .dropPath)
    return (0..<depth).flatMap { block in
      let probability = probability(ofBlock: block)
      return (0..<2).map { _ in random.unit() < probability ? 0 : Float(1 / (1 - probability)) }
    }
  }
}
