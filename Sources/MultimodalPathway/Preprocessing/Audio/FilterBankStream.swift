/// A filter bank that is fed with samples as they come: whatever their portions, its frames have the bits that
/// `FilterBank` gives the whole.
///
/// The mean of a whole recording, which AudioMAE removes first, is not known before its end and stays; every frame's
/// own mean is removed in any case, so that only roundings differ.
public struct FilterBankStream: Sendable {
  private let bank: FilterBank
  /// Samples from the start of the next frame on.
  private var pending: [Float] = []
  /// Frames so far.
  public private(set) var frameCount = 0

  /// A stream without samples.
  public init(_ bank: FilterBank) { self.bank = bank }

  /// Takes samples and returns the frames that they complete, (frames, bins); often none.
  ///
  /// - Throws: `EngineError`.
  public mutating func append(_ samples: some Collection<Float>) throws -> [Float] {
    pending += samples
    let count = bank.frameCount(pending.count)
    guard count > 0 else { return [] }
    let features = try bank(pending)
    pending.removeFirst(count * bank.frameShift)
    frameCount += count
    return features
  }
}
