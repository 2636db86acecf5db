import ArgumentParser
import MultimodalPathway

/// Which head's attention is shown.
enum HeadChoice: ExpressibleByArgument, CustomStringConvertible {
  case mean
  case index(Int)

  init?(argument: String) {
    if argument == "mean" {
      self = .mean
    } else if let index = Int(argument), index >= 0 {
      self = .index(index)
    } else {
      return nil
    }
  }

  var description: String {
    switch self {
    case .mean: "mean"
    case .index(let index): "\(index)"
    }
  }

  var defaultValueDescription: String { description }

  /// row (N) times the attention probabilities, (1, H, N, N), of the head or their mean.
  func attention(_ row: [Double], _ maps: Tensor, heads: Int) -> [Double] {
    let tokens = row.count
    let chosen: Range<Int>
    switch self {
    case .mean: chosen = 0..<heads
    case .index(let index): chosen = index..<index + 1
    }
    var result = [Double](repeating: 0, count: tokens)
    maps.withUnsafeBytes { bytes in
      let values = bytes.assumingMemoryBound(to: Float.self)
      for head in chosen {
        for (query, weight) in row.enumerated() where weight != 0 {
          let start = (head * tokens + query) * tokens
          for key in 0..<tokens { result[key] += weight * Double(values[start + key]) / Double(chosen.count) }
        }
      }
    }
    return result
  }
}

/// Whose attention is shown.
enum TokenChoice: ExpressibleByArgument, CustomStringConvertible {
  case classToken
  /// By row and column, with the tubelet before them where it is not the first; by number of a group of points.
  case patch([Int])
  /// The mean over the queries of all patches.
  case mean

  init?(argument: String) {
    let numbers = argument.split(separator: ",", omittingEmptySubsequences: false).compactMap { Int($0) }
    if argument == "class" {
      self = .classToken
    } else if argument == "mean" {
      self = .mean
    } else if (1...3).contains(numbers.count), numbers.allSatisfy({ $0 >= 0 }),
      argument.count(where: { $0 == "," }) == numbers.count - 1
    {
      self = .patch(numbers)
    } else {
      return nil
    }
  }

  var description: String {
    switch self {
    case .classToken: "class"
    case .patch(let numbers): numbers.map(String.init).joined(separator: ",")
    case .mean: "mean"
    }
  }

  /// The weight of every token's query, (N), with sum 1.
  ///
  /// - Throws: `ToolError` where the model has no such token.
  func start(_ c: VisionTransformerConfiguration) throws -> [Double] {
    var row = [Double](repeating: 0, count: c.tokenCount)
    switch self {
    case .classToken:
      guard c.hasClassToken else {
        throw ToolError("the model has no class token; name a patch (--token \(c.patchName)) or --token mean")
      }
      row[0] = 1
    case .patch(let numbers):
      guard let patch = c.patch(at: numbers) else {
        throw ToolError("there is no patch \(self); the model has \(c.gridText), named \(c.patchName) from 0 on")
      }
      row[c.prefixTokens + patch] = 1
    case .mean:
      for token in c.prefixTokens..<c.tokenCount { row[token] = 1 / Double(c.patchCount) }
    }
    return row
  }
}

extension VisionTransformerConfiguration {
  /// "14 x 14 patches", "8 x 14 x 14 patches" of a clip, or "64 groups".
  var gridText: String {
    points.map { "\($0.groups) groups" } ?? (slices > 1 ? "\(slices) x " : "") + "\(grid) patches"
  }

  /// What the numbers of a patch mean.
  fileprivate var patchName: String { points != nil ? "GROUP" : (slices > 1 ? "TUBELET," : "") + "ROW,COLUMN" }

  /// The place among all patches of the one that has these numbers; nil where there is none.
  fileprivate func patch(at numbers: [Int]) -> Int? {
    let counts = points != nil ? [patchCount] : [slices, grid.height, grid.width]
    let numbers = points == nil && numbers.count == 2 ? [0] + numbers : numbers
    guard numbers.count == counts.count, zip(numbers, counts).allSatisfy({ $0 < $1 }) else { return nil }
    return zip(numbers, counts).reduce(0) { $0 * $1.1 + $1.0 }
  }
}
