/// The order in which an epoch reads the samples: another one every epoch, which seed and epoch decide.
///
/// An epoch has as many whole steps as there are samples for. The samples after the last whole step are left out; the
/// next epoch's order leaves out others.
package struct SampleOrder: Sendable {
  /// Number of samples.
  package let count: Int
  /// Samples of a pass of the model.
  package let batch: Int
  /// Passes of a step.
  package let accumulate: Int
  private let seed: UInt64

  /// - Throws: `TrainingError.tooFewFiles` where there are fewer samples than a step takes.
  package init(count: Int, batch: Int, accumulate: Int, seed: UInt64) throws(TrainingError) {
    guard count >= batch * accumulate else {
      throw .tooFewFiles(found: count, batch: batch, accumulate: accumulate)
    }
    (self.count, self.batch, self.accumulate, self.seed) = (count, batch, accumulate, seed)
  }

  /// Steps of an epoch.
  package var steps: Int { count / (batch * accumulate) }

  /// The samples of an epoch, each once (Fisher and Yates's shuffle, in Durstenfeld's form).
  ///
  /// - Complexity: O(count).
  package func callAsFunction(epoch: Int) -> [Int] {
    var random = RandomStream(seed: seed, epoch: epoch, .order)
    var order = Array(0..<count)
    for last in stride(from: count - 1, to: 0, by: -1) { order.swapAt(last, random.index(below: last + 1)) }
    return order
  }

  /// Where a pass is: its epoch, and the place of its first sample in the epoch's order.
  ///
  /// - Parameter pass: from 0, over all epochs.
  package func position(ofPass pass: Int) -> (epoch: Int, place: Int) {
    let passes = steps * accumulate
    return (pass / passes, pass % passes * batch)
  }
}
