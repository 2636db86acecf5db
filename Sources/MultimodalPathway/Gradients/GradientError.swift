import PathwayKernels

/// Why a model cannot be trained as it is asked to.
package struct GradientError: CodedError, Equatable {
  /// What has no gradient, in words.
  package let part: String

  package var code: String { "gradient.unsupported" }

  package var description: String { "\(part) cannot be trained".onOneLine() }
}
