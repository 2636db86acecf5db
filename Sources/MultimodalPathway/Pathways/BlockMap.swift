/// Which block of the auxiliary each block of the target is joined to.
public enum BlockMap: Sendable, Equatable {
  /// Block i with block i; depths must be equal.
  case identity
  /// Block i with block depth - 1 - i: the paper's ablation; depths must be equal.
  case reversed
  /// Target block to auxiliary block. Target blocks that are not named have no pathway; an auxiliary block may serve
  /// several.
  case explicit([Int: Int])

  /// Reads `0:0,3:1,6:2` (target:auxiliary), `identity` or `reversed`.
  ///
  /// - Throws: `PathwayError.badBlockMap`.
  public init(parsing text: String) throws {
    switch text {
    case "identity": self = .identity
    case "reversed": self = .reversed
    default:
      var map: [Int: Int] = [:]
      for pair in text.split(separator: ",", omittingEmptySubsequences: false) {
        let numbers = pair.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
        guard numbers.count == 2, let target = numbers[0], let auxiliary = numbers[1], map[target] == nil else {
          throw PathwayError.badBlockMap(
            found: text, reason: "'\(pair)' is not a new TARGET:AUXILIARY pair of block numbers")
        }
        map[target] = auxiliary
      }
      self = .explicit(map)
    }
  }

  /// Target block to auxiliary block, checked against both depths.
  func resolved(targetDepth: Int, auxiliaryDepth: Int) throws -> [Int: Int] {
    switch self {
    case .identity, .reversed:
      guard targetDepth == auxiliaryDepth else {
        throw PathwayError.depthMismatch(target: targetDepth, auxiliary: auxiliaryDepth)
      }
      return Dictionary(
        uniqueKeysWithValues: (0..<targetDepth).map { ($0, self == .identity ? $0 : targetDepth - 1 - $0) })
    case .explicit(let map):
      for (target, auxiliary) in map.sorted(by: { $0.key < $1.key })
      where !(0..<targetDepth).contains(target) || !(0..<auxiliaryDepth).contains(auxiliary) {
        throw PathwayError.badBlockMap(
          found: "\(target):\(auxiliary)",
          reason: "the target has blocks 0...\(targetDepth - 1), the auxiliary 0...\(auxiliaryDepth - 1)")
      }
      return map
    }
  }
}
