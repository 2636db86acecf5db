import Foundation
import MultimodalPathway

extension Verification {
  /// The report for people: a line a layer, the whole model, the verdict.
  package var lines: [String] {
    var lines = [
      "layer                  lambda        |lW'|/|W|   worst error / bound of two-branch, folded, merged   folded = merged"
    ]
    for layer in layers {
      let scales = layer.scales.map { $0.map { String(format: "%.4g", $0) } ?? "-" }.joined(separator: ",")
      let ratios = layer.comparisons.filter { $0.second == "reference" }.map { String(format: "%.4f", $0.ratio) }
      lines.append(
        "\(layer.name.padded(to: 22)) \(scales.padded(to: 13)) \(String(format: "%9.4f", layer.relativeNorm))   "
          + "\(ratios.joined(separator: "  ").padded(to: 50)) \(bits(layer.comparisons))")
    }
    lines += ["", "\("whole model".padded(to: 37)) largest error / largest value   worst element / its bound = ratio"]
    for output in outputs {
      for comparison in output.comparisons where comparison.sameBits == nil {
        let worst = comparison.worst
        lines.append(
          "\(output.name.padded(to: 12)) \("\(comparison.first) - \(comparison.second)".padded(to: 24)) "
            + String(
              format: "%.2e   %.2e / %.2e = %.3f", comparison.relativeDifference, abs(worst.found - worst.expected),
              worst.bound, comparison.ratio))
      }
      lines.append("\(output.name.padded(to: 12)) \("folded - merged".padded(to: 24)) \(bits(output.comparisons))")
    }
    lines.append(String(format: "top-1 agreement: %g %%", top1Agreement * 100))
    lines.append(holds ? "verdict: equal" : "verdict: NOT EQUAL")
    return lines
  }

  private func bits(_ comparisons: [Comparison]) -> String {
    comparisons.allSatisfy { $0.sameBits != false } ? "same bits" : "BITS DIFFER"
  }
}
