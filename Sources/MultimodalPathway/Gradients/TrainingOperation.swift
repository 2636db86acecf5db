import PathwayKernels

/// What a training pass does apart from the operations of its forward pass, with what is fused into each.
package enum TrainingOperation: Int, Sendable, CaseIterable {
  /// dW and db of linear layers.
  case weightGradient
  /// dX of linear layers, with the slope of the activation before fc2.
  case inputGradient
  /// dQ, dK and dV, with scores made again.
  case attentionGradient
  /// Gradients of norms.
  case normGradient
  /// Activations made again, gradients of LayerScale and drop path, pooling.
  case rowGradient

  /// As reports have it.
  package var name: String {
    switch self {
    case .weightGradient: "dW"
    case .inputGradient: "dX"
    case .attentionGradient: "d attn"
    case .normGradient: "d norm"
    case .rowGradient: "d rows"
    }
  }

  /// The clock's label, after those of forward passes.
  var label: Int { ForwardOperation.allCases.count + rawValue }
}

extension Member {
  /// Counts what this member does from here on as `operation`.
  @inline(__always)
  mutating func begin(_ operation: TrainingOperation) { begin(operation.label) }
}

/// Where the time of training passes went.
package final class TrainingProfile: Sendable {
  let clock: TeamClock

  init(threads: Int) {
    clock = TeamClock(labels: ForwardOperation.allCases.count + TrainingOperation.allCases.count, threads: threads)
  }

  /// Name, calls and seconds of every operation that ran since the start or `reset`, forward operations first.
  package var entries: [(name: String, calls: Int, seconds: Double)] {
    let forward = ForwardOperation.allCases.map { ($0.name, $0.rawValue) }
    return (forward + TrainingOperation.allCases.map { ($0.name, $0.label) }).compactMap { name, label in
      let total = clock.total(label)
      return total.calls > 0 ? (name, total.calls, Double(total.nanoseconds) * 1e-9) : nil
    }
  }

  /// Forgets all passes; between two passes.
  package func reset() { clock.reset() }
}
