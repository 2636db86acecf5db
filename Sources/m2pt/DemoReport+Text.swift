import Foundation
import MultimodalPathway

extension DemoReport {
  /// The report for people.
  ///
  /// - Parameter pictures: of the samples, in their order.
  func lines(pictures: [PixelImage]) -> [String] {
    let count = samples.count
    var lines = [
      "Handwritten digits read by a small vision transformer that a transformer of spoken digits is attached to.",
      "",
      "  target      \(parameters) parameters; auxiliary of the same shape, trained on speech first:",
      String(
        format: "              %@ of %d recordings by speakers it never heard", percent(held_out.auxiliary),
        held_out.recordings),
      String(
        format: "  pathways    %d linear layers, W + lambda W', learned lambda from %.3f to %.3f", joined_layers,
        smallest_scale, largest_scale),
      String(format: "              change the logits by %.1f %% of their size", logit_change * 100),
      "  engine      \(instruction_set), \(threads == 1 ? "1 thread" : "\(threads) threads")",
      "",
    ]
    lines += Self.gallery(shown.map { (pictures[$0], caption(samples[$0])) })
    lines += ["", "  on \(count) real pictures".padded(to: 50) + "right    ms for all"]
    for execution in executions {
      let meaning = Self.meanings[execution.name] ?? ""
      lines.append(
        "  \(execution.name)".padded(to: 16) + meaning.padded(to: 34)
          + String(format: "%5d %13.1f", execution.correct, execution.milliseconds))
    }
    lines += [
      "",
      "  when trained, on \(held_out.digits) held-out digits: \(percent(held_out.with_pathways)) right with pathways,",
      "  \(percent(held_out.trained_without)) by the same target trained without them",
      "",
    ]
    for verdict in verdicts {
      lines.append("  \(verdict.holds ? "holds" : "FAILS")   \(verdict.claim): \(verdict.finding)")
    }
    if let merged_model {
      lines += ["", "  wrote \(merged_model), a plain model: m2pt classify --model \(merged_model) PICTURE.png"]
    }
    lines += ["", "verdict: " + (holds ? "equal" : "NOT EQUAL") + String(format: " (%.1f s in all)", seconds)]
    return lines
  }

  private static let meanings = [
    targetAlone: "W without W', never trained alone",
    PathwayExecution.twoBranch.rawValue: "x W + lambda (x W')",
    PathwayExecution.folded.rawValue: "W + lambda W' while packing",
    PathwayExecution.merged.rawValue: "a plain checkpoint, read back",
  ]

  private func percent(_ share: Double) -> String { String(format: "%.1f %%", share * 100) }

  private func caption(_ sample: Sample) -> String {
    "read as \(sample.prediction), " + percent(sample.probability)
      + (sample.prediction == sample.label ? "" : ": is a \(sample.label)")
  }

  /// Three pictures: the surest and the least sure of the right answers, and a wrong one where there is one.
  private var shown: [Int] {
    let right = samples.indices.filter { samples[$0].prediction == samples[$0].label }
      .sorted { samples[$0].probability > samples[$1].probability }
    let wrong = samples.indices.first { samples[$0].prediction != samples[$0].label }
    var chosen: [Int] = []
    for case let index? in [right.first, right.last, wrong] where !chosen.contains(index) { chosen.append(index) }
    return chosen
  }

  // MARK: - Pictures in letters

  /// Pictures side by side above their captions; a letter is one pixel wide and two high.
  private static func gallery(_ items: [(picture: PixelImage, caption: String)]) -> [String] {
    let ink = Array(" .:-=+*#%@")
    let columns = items.map { item -> [String] in
      let picture = item.picture
      func red(_ y: Int, _ x: Int) -> Int { Int(picture.rgb[3 * (y * picture.width + x)]) }
      let rows = stride(from: 0, to: picture.height - 1, by: 2).map { y -> String in
        String((0..<picture.width).map { x -> Character in ink[(red(y, x) + red(y + 1, x)) * (ink.count - 1) / 510] })
      }
      let width = max(picture.width, item.caption.count)
      return (rows + [item.caption]).map { $0.padded(to: width) }
    }
    let height = columns.map(\.count).max() ?? 0
    return (0..<height).map { row -> String in
      let parts = columns.map { $0.indices.contains(row) ? $0[row] : "" }
      return ("  " + parts.joined(separator: "  ")).withoutTrailingSpaces
    }
  }
}

extension String {
  fileprivate var withoutTrailingSpaces: String { String(reversed().drop { $0 == " " }.reversed()) }
}
