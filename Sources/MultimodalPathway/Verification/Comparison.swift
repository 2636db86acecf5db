/// Two results that should be equal, element by element, each with the bound that its arithmetic allows.
public struct Comparison: Sendable, Codable {
  /// One element.
  public struct Element: Sendable, Codable {
    /// Row of the result, from 0.
    public let row: Int
    /// Column of the result, from 0.
    public let column: Int
    /// What `first` has there.
    public let found: Double
    /// What `second` has there.
    public let expected: Double
    /// What their difference may be there.
    public let bound: Double
  }

  /// What is compared: `two-branch`, `folded` or `merged`.
  public let first: String
  /// With what: one of these, or `reference`.
  public let second: String
  /// The element nearest to its bound, or furthest beyond it.
  public let worst: Element
  /// |found - expected| / bound there; of bits that differ the largest finite number, which JSON has.
  public let ratio: Double
  /// The largest difference over the largest expected value.
  public let relativeDifference: Double
  /// Whether every element has the same bits; absent where the arithmetic does not promise it.
  public let sameBits: Bool?
  /// Whether every element is within its bound; where bits are compared, whether all are the same.
  public let holds: Bool

  /// - Parameter bound: of |first - second| at an element. Equal elements hold under any bound; NaN never does.
  package init(
    _ first: String, _ second: String, rows: Int, columns: Int, found: (Int) -> Float, expected: (Int) -> Double,
    bound: (Int) -> Double
  ) {
    var worst = Element(row: 0, column: 0, found: 0, expected: 0, bound: 0)
    var ratio = -1.0
    var (difference, largest) = (0.0, 0.0)
    for index in 0..<rows * columns {
      let (a, b, limit) = (Double(found(index)), expected(index), bound(index))
      let error = abs(a - b)
      let own = error.isNaN || !limit.isFinite ? .infinity : error == 0 ? 0 : error / limit
      if own > ratio {
        ratio = own
        worst = Element(row: index / columns, column: index % columns, found: a, expected: b, bound: limit)
      }
      difference = max(difference, error.isNaN ? .infinity : error)
      largest = max(largest, abs(b))
    }
    self.first = first
    self.second = second
    self.worst = worst
    self.ratio = max(0, ratio)
    relativeDifference = largest > 0 ? difference / largest : difference
    sameBits = nil
    holds = self.ratio <= 1
  }

  /// Two results that must have the same bits.
  package init(
    _ first: String, _ second: String, bitsOf rows: Int, columns: Int, _ found: (Int) -> Float,
    _ expected: (Int) -> Float
  ) {
    var worst = Element(row: 0, column: 0, found: Double(found(0)), expected: Double(expected(0)), bound: 0)
    var same = true
    var (difference, largest) = (0.0, 0.0)
    for index in 0..<rows * columns {
      let (a, b) = (found(index), expected(index))
      let error = abs(Double(a) - Double(b))
      largest = max(largest, abs(Double(b)))
      guard a.bitPattern != b.bitPattern else { continue }
      if same || error > difference {
        worst = Element(row: index / columns, column: index % columns, found: Double(a), expected: Double(b), bound: 0)
      }
      difference = max(difference, error.isNaN ? .infinity : error)
      same = false
    }
    self.first = first
    self.second = second
    self.worst = worst
    ratio = same ? 0 : .greatestFiniteMagnitude
    relativeDifference = largest > 0 ? difference / largest : difference
    sameBits = same
    holds = same
  }
}
