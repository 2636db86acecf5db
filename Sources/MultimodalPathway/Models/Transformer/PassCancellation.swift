import Synchronization

/// Ends forward passes before their end: a pass whose workspace has it stops between two blocks and throws
/// `CancellationError`.
public final class PassCancellation: Sendable {
  private let flag = Atomic(false)

  /// Passes run to their end.
  public init() {}

  /// Ends the passes that run and those to come. Any thread may call it.
  public func cancel() { flag.store(true, ordering: .relaxed) }

  /// Whether passes end.
  public var isCancelled: Bool { flag.load(ordering: .relaxed) }
}
