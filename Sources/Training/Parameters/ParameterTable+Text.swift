/// A table of tensors for a person, and what a run takes of memory.
extension ParameterTable {
  /// A line for every tensor: its name, shape, owner's treatment and learning rate's factor.
  public func lines(_ recipe: Recipe) -> [String] {
    let rows = spans.map { span in
      [
        span.name, span.shape.isEmpty ? "1" : span.shape.map(String.init).joined(separator: " x "),
        span.trains ? "trains" : "frozen", span.decays && span.trains ? "decays" : "-",
        span.trains ? Self.short(rate(of: span, recipe)) : "-",
      ]
    }
    return Self.aligned([["tensor", "shape", "moves", "decay", "rate"]] + rows)
  }

  /// Bytes of the run's arenas, part by part, without the activations of a pass.
  package func memory(_ recipe: Recipe) -> [(part: String, bytes: Int)] {
    let moments = recipe.optimizer == .adamW ? 2 : 1
    return [
      ("values", 4 * valueCount), ("gradients", 4 * gradientCount), ("moments", 4 * moments * momentCount),
      ("average", recipe.ema > 0 ? 4 * valueCount : 0),
    ]
  }

  /// Numbers that training changes, and all numbers.
  package var parameterCounts: (trained: Int, all: Int) {
    spans.reduce((0, 0)) { ($0.0 + ($1.trains ? $1.count : 0), $0.1 + $1.count) }
  }

  private static func short(_ factor: Double) -> String { "\((factor * 1e6).rounded() / 1e6)" }

  private static func aligned(_ rows: [[String]]) -> [String] {
    let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = zip(row, widths).map { text, width in text + String(repeating: " ", count: width - text.count) }
      let line = cells.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed())
    }
  }
}
