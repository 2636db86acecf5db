extension Extent {
  /// Reads `384`, for both sides, or `384x256`, height first; nil for anything else, and for what is not positive.
  public init?(parsing text: String) {
    let sides = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
    guard (1...2).contains(sides.count), let height = sides[0], let width = sides[sides.count - 1], height > 0,
      width > 0
    else { return nil }
    self.init(height: height, width: width)
  }
}
