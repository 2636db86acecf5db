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

  func write(to url: URL) throws {
    let bytes = Array(html.utf8)
    try AtomicFile.write(to: url) { file in try bytes.withUnsafeBytes { try file.append($0) } }
  }

  private var html: String {
    let auxiliaries = result.layers.first?.scales.count ?? 0
    let lambdas = (0..<auxiliaries).map { index in
      picture("lambda of auxiliary \(index + 1)") { layer in layer.scales[index].map(Double.init) }
    }
    return """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8"><title>Verification: \(escaped(title))</title>
      <style>
      body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
      table { border-collapse: collapse; font-variant-numeric: tabular-nums } td, th { padding: .15rem .7rem; text-align: right }
      td:first-child, th:first-child { text-align: left } tr:nth-child(even) { background: #f3f3f3 }
      .bad { background: #fdd } .verdict { font-size: 1.4rem; font-weight: 600 } svg { margin: .5rem 1.5rem .5rem 0 }
      </style></head><body>
      <h1>\(escaped(title))</h1>
      <p class="verdict\(result.holds ? "" : " bad")">\(result.holds ? "Equal" : "NOT EQUAL"): two-branch, folded and merged</p>
      <p>Input \(escaped("\(result.inputShape)")), \(escaped(result.instructionSet)), \(result.threads) threads.
      Top-1 agreement \(String(format: "%g", result.top1Agreement * 100)) %.</p>
      \(result.warnings.map { "<p>Warning: \(escaped($0))</p>" }.joined(separator: "\n"))
      \(lambdas.joined(separator: "\n"))
      \(picture("||&lambda; W'|| / ||W||") { $0.relativeNorm })
      <h2>Whole model</h2>
      \(table(result.outputs.flatMap { output in output.comparisons.map { (output.name, $0) } }))
      <h2>Layers</h2>
      \(table(result.layers.flatMap { layer in layer.comparisons.map { (layer.name, $0) } }))
      </body></html>

      """
  }

  private func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
      .replacingOccurrences(of: ">", with: "&gt;").replacingOccurrences(of: "\"", with: "&quot;")
  }

  private func table(_ rows: [(String, Comparison)]) -> String {
    let lines = rows.map { name, comparison in
      let worst = comparison.worst
      let numbers =
        comparison.sameBits.map { "<td colspan=\"5\">\($0 ? "same bits" : "bits differ")</td>" }
        ?? [
          String(format: "%.3g", comparison.relativeDifference), "(\(worst.row), \(worst.column))",
          String(format: "%.3g", abs(worst.found - worst.expected)), String(format: "%.3g", worst.bound),
          String(format: "%.4f", comparison.ratio),
        ].map { "<td>\($0)</td>" }.joined()
      return "<tr\(comparison.holds ? "" : " class=\"bad\"")><td>\(escaped(name))</td><td>\(comparison.first)</td>"
        + "<td>\(comparison.second)</td>\(numbers)</tr>"
    }
    return "<table><tr><th>of</th><th>this</th><th>against</th><th>largest error / largest value</th><th>worst element</th>"
      + "<th>its error</th><th>its bound</th><th>ratio</th></tr>\n\(lines.joined(separator: "\n"))</table>"
  }

  // MARK: - Pictures

  /// A cell for every block (down) and layer of a block (across), blue below zero, red above, white at zero; grey: not
  /// joined.
  private func picture(_ caption: String, value: (Verification.Layer) -> Double?) -> String {
    let kinds = PathwayLayer.allCases
    var cells: [Int: [PathwayLayer: Double]] = [:]
    for layer in result.layers {
      let parts = layer.name.split(separator: ".", maxSplits: 2)
      guard parts.count == 3, let block = Int(parts[1]), let kind = PathwayLayer(rawValue: String(parts[2])) else { continue }
      cells[block, default: [:]][kind] = value(layer)
    }
    let blocks = cells.keys.sorted()
    let largest = cells.values.flatMap(\.values).reduce(0) { max($0, abs($1)) }
    let (width, height, left, top) = (78, 22, 70, 40)
    var shapes = ["<text x=\"0\" y=\"14\" font-weight=\"600\">\(caption)</text>"]
    for (column, kind) in kinds.enumerated() {
      shapes.append("<text x=\"\(left + column * width + width / 2)\" y=\"\(top - 6)\" text-anchor=\"middle\">\(kind.rawValue)</text>")
    }
    for (row, block) in blocks.enumerated() {
      let y = top + row * height
      shapes.append("<text x=\"\(left - 8)\" y=\"\(y + 15)\" text-anchor=\"end\">block \(block)</text>")
      for (column, kind) in kinds.enumerated() {
        let value = cells[block]?[kind]
        let x = left + column * width
        shapes.append(
          "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(width - 1)\" height=\"\(height - 1)\" fill=\"\(color(value, largest))\"/>")
        guard let value else { continue }
        let isDark = largest > 0 && abs(value) > 0.6 * largest
        shapes.append(
          "<text x=\"\(x + width / 2)\" y=\"\(y + 15)\" text-anchor=\"middle\"\(isDark ? " fill=\"#fff\"" : "")>"
            + String(format: "%.4g", value) + "</text>")
      }
    }
    let size = (left + kinds.count * width, top + blocks.count * height)
    return "<svg width=\"\(size.0)\" height=\"\(size.1)\" viewBox=\"0 0 \(size.0) \(size.1)\" font-size=\"12\" role=\"img\">"
      + shapes.joined(separator: "\n") + "</svg>"
  }

  private func color(_ value: Double?, _ largest: Double) -> String {
    guard let value else { return "#ddd" }
    let strength = largest > 0 ? min(1, abs(value) / largest) : 0
    let (deep, fade) = (value < 0 ? (33.0, 102.0, 172.0) : (178.0, 24.0, 43.0), 1 - strength)
    func channel(_ c: Double) -> Int { Int((c * strength + 250 * fade).rounded()) }
    return "rgb(\(channel(deep.0)),\(channel(deep.1)),\(channel(deep.2)))"
  }
}
