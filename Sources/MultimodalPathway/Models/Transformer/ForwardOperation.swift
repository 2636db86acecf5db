import PathwayKernels

/// The operations of a forward pass, in their order, with what is fused into each.
public enum ForwardOperation: Int, Sendable, CaseIterable {
  /// Gathering patches, their product, positions, `norm_pre`.
  case patchEmbedding
  /// LayerNorm before attention.
  case norm1
  /// Queries, keys and values.
  case qkv
  /// Scores, softmax and weighted values.
  case attention
  /// With layer scale and residual, as fc2.
  case projection
  /// LayerNorm before the MLP.
  case norm2
  /// With GELU.
  case fc1
  /// With layer scale and residual.
  case fc2
  /// The final norm, wherever it stands.
  case norm
  /// What the head reads of the tokens.
  case pooling
  /// Logits.
  case head

  /// timm's name.
  public var name: String {
    switch self {
    case .patchEmbedding: "patch_embed"
    case .norm1: "norm1"
    case .qkv: "attn.qkv"
    case .attention: "attn"
    case .projection: "attn.proj"
    case .norm2: "norm2"
    case .fc1: "mlp.fc1"
    case .fc2: "mlp.fc2"
    case .norm: "norm"
    case .pooling: "pool"
    case .head: "head"
    }
  }
}

extension PathwayLayer {
  var operation: ForwardOperation {
    switch self {
    case .qkv: .qkv
    case .projection: .projection
    case .fc1: .fc1
    case .fc2: .fc2
    }
  }
}

extension Member {
  /// Counts what this member does from here on as `operation`; costs a test for nil where time is not measured.
  @inline(__always)
  mutating func begin(_ operation: ForwardOperation) { begin(operation.rawValue) }
}

/// Where the time of forward passes went: a workspace made with `profiled: true` has one.
public final class ForwardProfile: Sendable {
  /// The time of one operation, over all passes.
  public struct Entry: Sendable {
    /// How often it began.
    public let calls: Int
    /// Time of the operation, the sum over all threads.
    public let seconds: Double
    /// The share of it that threads waited for the slowest of them, in the mean.
    public let waiting: Double
  }

  let clock: TeamClock

  init(threads: Int) { clock = TeamClock(labels: ForwardOperation.allCases.count, threads: threads) }

  /// All passes since the start or `reset`; nil: an operation that the model does not have, or has in another.
  public subscript(operation: ForwardOperation) -> Entry? {
    let total = clock.total(operation.rawValue)
    guard total.calls > 0 else { return nil }
    return Entry(
      calls: total.calls, seconds: Double(total.nanoseconds) * 1e-9,
      waiting: total.nanoseconds > 0 ? Double(total.waiting) / Double(total.nanoseconds) : 0)
  }

  /// Forgets all passes; between two passes.
  public func reset() { clock.reset() }
}
