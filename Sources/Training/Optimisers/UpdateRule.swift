/// How the numbers of one tensor move along their gradient in one step; a value has the step's constants.
protocol UpdateRule: SendableMetatype {
  /// - Parameters:
  ///   - recipe: its other numbers.
  ///   - rate: of this tensor.
  ///   - decay: of this tensor.
  ///   - step: its number, from 1.
  init(_ recipe: Recipe, rate: Double, decay: Double, step: Int)

  /// Moves `count` numbers, each by itself: nothing depends on how a tensor is cut.
  ///
  /// - Parameters:
  ///   - values: (count), changed.
  ///   - gradient: (count), as it was accumulated.
  ///   - factor: what the gradient is multiplied by first.
  ///   - first: (count), changed.
  ///   - second: (count), changed; of any content for a rule with one moment.
  func update(
    _ values: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>, factor: Float,
    first: UnsafeMutablePointer<Float>, second: UnsafeMutablePointer<Float>, count: Int)
}
