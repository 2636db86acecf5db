import PathwayKernels

/// Why a model cannot be trained.
package struct GradientError: CodedError, Equatable {
  /// The part that has no gradient, in words.
  package let part: String

  package var code: String { "gradient.unsupported" }

  package var description: String {
    "\(part) cannot be trained; train a transformer of pictures, spectrograms or clips with a linear head"
      .onOneLine()
  }
}
