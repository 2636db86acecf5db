import Foundation
import MultimodalPathway

/// A verification as one HTML file without references to others: verdict, pictures of lambda and of ||lambda W'|| /
/// ||W||, tables.
struct VerificationReport {
  private let result: Verification
  private let title: String

  init(_ result: Verification, title: String) {
    self.result = result
    self.title = title
  }

  func write(to url: URL) throws { try HTMLPage(title: "Verification: \(title)", body: html).write(to: url) }

  private var html: String {
    let auxiliaries = result.layers.first?.scales.count ?? 0
    let lambdas = (0..<auxiliaries).map { index in
      picture("lambda of auxiliary \(index + 1)") { layer in layer.scales[index].map(Double.init) }
    }
    return """
      <h1>\(title.escapedForHTML)</h1>
      <p class="verdict\(result.holds ? "" : " bad")">\(result.holds ? "Equal" : "NOT EQUAL"): two-branch, folded and merged</p>
      <p>Input \("\(result.inputShape)".escapedForHTML), \(result.instructionSet.escapedForHTML), \(result.threads) threads.
      Top-1 agreement \(String(format: "%g", result.top1Agreement * 100)) %.</p>
      \(result.warnings.map { "<p>Warning: \($0.escapedForHTML)</p>" }.joined(separator: "\n"))
      \(lambdas.joined(separator: "\n"))
      \(picture("||λ W'|| / ||W||") { $0.relativeNorm })
      <h2>Whole model</h2>
      \(table(result.outputs.flatMap { output in output.comparisons.map { (output.name, $0) } }))
      <h2>Layers</h2>
      \(table(result.layers.flatMap { layer in layer.comparisons.map { (layer.name, $0) } }))
      """
  }

  private func table(_ rows: [(String, Comparison)]) -> String {
    let lines = rows.map { name, comparison in
      let worst = comparison.worst
      let numbers =
        comparison.sameBits.map { [$0 ? "same bits" : "bits differ", "", "", "", ""] }
        ?? [
          String(format: "%.3g", comparison.relativeDifference), "(\(worst.row), \(worst.column))",
          String(format: "%.3g", abs(worst.found - worst.expected)), String(format: "%.3g", worst.bound),
          String(format: "%.4f", comparison.ratio),
        ]
      return HTMLPage.row(
        [name.escapedForHTML, "\(comparison.first)", "\(comparison.second)"] + numbers, isBad: !comparison.holds)
    }
    let head = [
      "of", "this", "against", "largest error / largest value", "worst element", "its error", "its bound", "ratio",
    ]
    return HTMLPage.table(head, lines)
  }

  // MARK: - Pictures

  /// A cell for every block (down) and layer of a block (across), blue below zero, red above, white at zero; grey: not
  /// joined.
  private func picture(_ caption: String, value: (Verification.Layer) -> Double?) -> String {
    let kinds = PathwayLayer.allCases
    var cells: [Int: [PathwayLayer: Double]] = [:]
    for layer in result.layers {
      let parts = layer.name.split(separator: ".", maxSplits: 2)
      guard parts.count == 3, let block = Int(parts[1]), let kind = PathwayLayer(rawValue: String(parts[2])) else {
        continue
      }
      cells[block, default: [:]][kind] = value(layer)
    }
    let blocks = cells.keys.sorted()
    let largest = cells.values.flatMap(\.values).reduce(0) { max($0, abs($1)) }
    let (width, height, left, top) = (78, 22, 70, 40)
    var shapes = ["<text x=\"0\" y=\"14\" font-weight=\"600\">\(caption.escapedForHTML)</text>"]
    for (column, kind) in kinds.enumerated() {
      shapes.append(
        "<text x=\"\(left + column * width + width / 2)\" y=\"\(top - 6)\" text-anchor=\"middle\">\(kind.rawValue)</text>"
      )
    }
    for (row, block) in blocks.enumerated() {
      let y = top + row * height
      shapes.append("<text x=\"\(left - 8)\" y=\"\(y + 15)\" text-anchor=\"end\">block \(block)</text>")
      for (column, kind) in kinds.enumerated() {
        let value = cells[block]?[kind]
        let x = left + column * width
        shapes.append(
          "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(width - 1)\" height=\"\(height - 1)\" fill=\"\(color(value, largest))\"/>"
        )
        guard let value else { continue }
        let isDark = largest > 0 && abs(value) > 0.6 * largest
        shapes.append(
          "<text x=\"\(x + width / 2)\" y=\"\(y + 15)\" text-anchor=\"middle\"\(isDark ? " fill=\"#fff\"" : "")>"
            + String(format: "%.4g", value) + "</text>")
      }
    }
    let size = (left + kinds.count * width, top + blocks.count * height)
    return HTMLPage.picture(width: size.0, height: size.1, label: caption, shapes)
  }

  private func color(_ value: Double?, _ largest: Double) -> String {
    guard let value else { return "#ddd" }
    let strength = largest > 0 ? min(1, abs(value) / largest) : 0
    let (deep, fade) = (value < 0 ? (33.0, 102.0, 172.0) : (178.0, 24.0, 43.0), 1 - strength)
    func channel(_ c: Double) -> Int { Int((c * strength + 250 * fade).rounded()) }
    return "rgb(\(channel(deep.0)),\(channel(deep.1)),\(channel(deep.2)))"
  }
}
