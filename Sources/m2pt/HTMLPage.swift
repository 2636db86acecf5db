import Foundation
import MultimodalPathway

/// An HTML file without references to others: the reports' common look.
struct HTMLPage {
  let title: String
  /// Rules beyond the common ones.
  var style = ""
  /// HTML.
  let body: String

  func write(to url: URL) throws { try AtomicFile.write(Array(text.utf8), to: url) }

  /// Says in a page what made it.
  static let generator = "<meta name=\"generator\" content=\"m2pt\">"

  private var text: String {
    """
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8">\(Self.generator)
    <title>\(title.escapedForHTML)</title>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <style>
    body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
    table { border-collapse: collapse; font-variant-numeric: tabular-nums } td, th { padding: .15rem .7rem; text-align: right; white-space: nowrap }
    td:first-child, th:first-child { text-align: left } tr:nth-child(even) { background: #f3f3f3 }
    .bad { background: #fdd } .verdict { font-size: 1.4rem; font-weight: 600 } svg { margin: .5rem 1.5rem .5rem 0 }
    \(style)</style></head><body>
    \(body)
    </body></html>

    """
  }

  /// - Parameter rows: whole `<tr>` elements.
  static func table(_ head: [String], _ rows: [String]) -> String {
    "<table><tr>\(head.map { "<th>\($0)</th>" }.joined())</tr>\n\(rows.joined(separator: "\n"))</table>"
  }

  /// - Parameter cells: HTML.
  static func row(_ cells: [String], isBad: Bool = false) -> String {
    "<tr\(isBad ? " class=\"bad\"" : "")>\(cells.map { "<td>\($0)</td>" }.joined())</tr>"
  }

  static func picture(width: Int, height: Int, label: String, _ shapes: [String]) -> String {
    "<svg width=\"\(width)\" height=\"\(height)\" viewBox=\"0 0 \(width) \(height)\" font-size=\"12\" role=\"img\" "
      + "aria-label=\"\(label.escapedForHTML)\">\n" + shapes.joined(separator: "\n") + "</svg>"
  }
}

extension String {
  /// This text, on one line, as text or an attribute of HTML. A mark on a `<` does not hide it, as it would from
  /// replacements of characters.
  var escapedForHTML: String {
    var text = ""
    for scalar in onOneLine().unicodeScalars {
      switch scalar {
      case "&": text += "&amp;"
      case "<": text += "&lt;"
      case ">": text += "&gt;"
      case "\"": text += "&quot;"
      case "'": text += "&#39;"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}
