extension Int {
  /// The whole part of a number, however large; 0 of what is no number. `Int(_:)` would trap on those.
  package init(saturating value: Double) {
    self = value.isNaN ? 0 : Int(exactly: value.rounded(.towardZero)) ?? (value < 0 ? .min : .max)
  }
}
