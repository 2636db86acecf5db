import Foundation
import MultimodalPathway
import PathwayTraining

/// A page with the curves of a run: loss, learning rate and what was measured by step, and lambda by layer.
struct TrainPage {
  /// What the log has of a step or an epoch.
  private struct Line: Decodable {
    var step: Int
    var loss: Double
    var learning_rate: Double?
    var accuracy: Double?
    var mean_average_precision: Double?
    var instance_miou: Double?
  }

  private let steps: [Line]
  private let epochs: [Line]
  /// lambda by layer, of each auxiliary.
  private let scales: [[String: Double]]
  private let recipe: Recipe

  /// Reads the log of a run.
  ///
  /// - Throws: what reading and decoding throw.
  init(_ run: URL, _ recipe: Recipe) throws {
    let text = try Data(contentsOf: run.appendingPathComponent("log.jsonl"))
    let lines = try text.split(separator: UInt8(ascii: "\n")).map { try JSONDecoder().decode(Line.self, from: $0) }
    steps = lines.filter { $0.learning_rate != nil }
    epochs = lines.filter { $0.learning_rate == nil }
    let table = try? Data(contentsOf: run.appendingPathComponent("scales.json"))
    scales = try table.map { try JSONDecoder().decode([[String: Double]].self, from: $0) } ?? []
    self.recipe = recipe
  }

  func write(to url: URL) throws { try HTMLPage(title: "Training run", body: body).write(to: url) }

  private var body: String {
    var parts = ["<h1>Training run</h1>"]
    parts.append(curve("Loss", steps.map { ($0.step, $0.loss) }))
    parts.append(curve("Learning rate", steps.map { ($0.step, $0.learning_rate ?? 0) }))
    for (title, measure) in [
      ("Accuracy, %", \Line.accuracy), ("Mean average precision, %", \Line.mean_average_precision),
      ("Instance mIoU, %", \Line.instance_miou),
    ] {
      let values = epochs.compactMap { line in line[keyPath: measure].map { (step: line.step, value: 100 * $0) } }
      if !values.isEmpty { parts.append(curve(title, values)) }
    }
    for (index, table) in scales.enumerated() { parts.append(bars("lambda of auxiliary \(index)", table)) }
    let rows = recipe.settings.map { "<tr><td>\($0.key)</td><td>\($0.value)</td></tr>" }
    return (parts + ["<h2>Recipe</h2>", HTMLPage.table(["key", "value"], rows)]).joined(separator: "\n")
  }

  private static let extent = (width: 460.0, height: 160.0)
  /// Points of a curve; more of them would not be told apart.
  private static let mostPoints = 400

  private func curve(_ title: String, _ points: [(step: Int, value: Double)]) -> String {
    guard let first = points.first, let last = points.last else { return "" }
    let stride = (points.count + Self.mostPoints - 1) / Self.mostPoints
    let values = points.map(\.value)
    let (low, high) = (values.min() ?? 0, values.max() ?? 0)
    let (width, height) = Self.extent
    let marks = Swift.stride(from: 0, to: points.count, by: stride).map { start in
      let bucket = points[start..<min(start + stride, points.count)]
      let value = bucket.reduce(0) { $0 + $1.value } / Double(bucket.count)
      let x =
        last.step > first.step
        ? width * Double(bucket[start].step - first.step) / Double(last.step - first.step) : 0
      return String(format: "%.1f,%.1f", x, high > low ? height * (high - value) / (high - low) : height / 2)
    }
    return """
      <figure style="display:inline-block;margin:.5rem"><figcaption>\(title): \(Self.short(values[0])) to \
      \(Self.short(values[values.count - 1])) in \(last.step) steps (\(Self.short(low)) to \(Self.short(high)))</figcaption>
      <svg width="\(Int(width))" height="\(Int(height) + 8)" viewBox="0 -4 \(Int(width)) \(Int(height) + 8)">
      <rect y="-4" width="100%" height="100%" fill="#f6f6f6"/>
      <polyline fill="none" stroke="#1565c0" stroke-width="1.5" points="\(marks.joined(separator: " "))"/></svg></figure>
      """
  }

  private func bars(_ title: String, _ table: [String: Double]) -> String {
    let largest = max(table.values.map(abs).max() ?? 0, 1e-30)
    let rows = table.sorted { $0.key.localizedStandardCompare($1.key) == .orderedAscending }.map { name, value in
      let width = Int(200 * abs(value) / largest)
      let colour = value < 0 ? "#c62828" : "#1565c0"
      return """
        <tr><td>\(name.escapedForHTML)</td><td>\(Self.short(value))</td><td><svg width="200" height="10">\
        <rect width="\(width)" height="10" fill="\(colour)"/></svg></td></tr>
        """
    }
    return "<h2>\(title)</h2>" + HTMLPage.table(["layer", "lambda", ""], rows)
  }

  private static func short(_ value: Double) -> String { String(format: "%.4g", value) }
}
