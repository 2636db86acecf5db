import Foundation

/// A roofline plot (Williams, Waterman, Patterson 2009): operations a second over operations per byte, both in
/// logarithmic steps, below what the processor reaches.
struct RooflinePlot {
  struct Roof {
    let label: String
    /// GB/s of a slanted roof, GFLOP/s of the level one.
    let value: Double
  }

  struct Dot {
    let label: String
    /// Operations per byte, and GFLOP/s.
    let intensity: Double
    let speed: Double
    /// Of the area that dots have together.
    let share: Double
    let isMemoryBound: Bool
  }

  let compute: Roof
  /// The first is the one that a dot may be bound by.
  let bandwidths: [Roof]
  let dots: [Dot]

  private let width = 1010.0
  private let height = 540.0
  private let plot = (left: 64.0, right: 830.0, top: 10.0, bottom: 486.0)

  /// The axes' ends in powers of ten, around everything to be seen.
  private var ends: (x: ClosedRange<Double>, y: ClosedRange<Double>) {
    func around(_ values: [Double]) -> ClosedRange<Double> {
      let logs = values.filter { $0 > 0 && $0.isFinite }.map(log10)
      return (logs.min() ?? 0) - 0.25...(logs.max() ?? 0) + 0.25
    }
    let ridges = bandwidths.map { compute.value / $0.value }
    return (around(dots.map(\.intensity) + ridges), around(dots.map(\.speed) + [compute.value]))
  }

  private func x(_ intensity: Double) -> Double {
    let range = ends.x
    return plot.left + (log10(intensity) - range.lowerBound) / (range.upperBound - range.lowerBound)
      * (plot.right - plot.left)
  }

  private func y(_ speed: Double) -> Double {
    let range = ends.y
    return plot.bottom - (log10(speed) - range.lowerBound) / (range.upperBound - range.lowerBound)
      * (plot.bottom - plot.top)
  }

  var svg: String {
    HTMLPage.picture(
      width: Int(width), height: Int(height), label: "Roofline plot of the operations", grid + roofs + marks)
  }

  // MARK: - Parts

  private var grid: [String] {
    var shapes: [String] = []
    for (value, isPower) in Self.steps(ends.x) {
      shapes.append(line(x(value), plot.top, x(value), plot.bottom, isPower ? "#d4d4d4" : "#f2f2f2"))
      if isPower { shapes.append(text(x(value), plot.bottom + 18, Self.number(value), anchor: "middle")) }
    }
    for (value, isPower) in Self.steps(ends.y) {
      shapes.append(line(plot.left, y(value), plot.right, y(value), isPower ? "#d4d4d4" : "#f2f2f2"))
      if isPower { shapes.append(text(plot.left - 8, y(value) + 4, Self.number(value), anchor: "end")) }
    }
    shapes.append(text((plot.left + plot.right) / 2, plot.bottom + 42, "operations per byte", anchor: "middle"))
    shapes.append(
      "<text transform=\"translate(18 \(Self.place((plot.top + plot.bottom) / 2))) rotate(-90)\" text-anchor=\"middle\">GFLOP/s</text>"
    )
    return shapes
  }

  /// 1, 2, ... 9 times every power of ten within the ends; powers last, so that they are drawn above.
  private static func steps(_ ends: ClosedRange<Double>) -> [(value: Double, isPower: Bool)] {
    let powers = Int(ends.lowerBound.rounded(.down))...Int(ends.upperBound.rounded(.up))
    let all = powers.flatMap { power in (1...9).map { (Double($0) * pow(10, Double(power)), $0 == 1) } }
    return all.filter { ends.contains(log10($0.0)) }.sorted { !$0.1 && $1.1 }
  }

  private static func number(_ value: Double) -> String { String(format: value < 0.001 ? "%.0e" : "%g", value) }

  /// Slanted roofs up to where they meet the level one, each with its name along it.
  private var roofs: [String] {
    let first = pow(10, ends.x.lowerBound)
    let ridge = bandwidths.map { compute.value / $0.value }.min() ?? first
    var shapes = [line(x(ridge), y(compute.value), plot.right, y(compute.value), "#222", width: 2)]
    shapes.append(text(x(ridge) + 8, y(compute.value) - 8, "\(compute.label), \(Self.short(compute.value)) GFLOP/s"))
    let slope = -atan2(
      (plot.bottom - plot.top) / (ends.y.upperBound - ends.y.lowerBound),
      (plot.right - plot.left) / (ends.x.upperBound - ends.x.lowerBound))
    for (index, roof) in bandwidths.enumerated() {
      // From the left or lower edge to the level roof.
      let low = max(first, pow(10, ends.y.lowerBound) / roof.value)
      let high = compute.value / roof.value
      let dash = index == 0 ? "" : " stroke-dasharray=\"5 4\""
      shapes.append(
        line(
          x(low), y(low * roof.value), x(high), y(compute.value), index == 0 ? "#222" : "#777", width: 2, extra: dash))
      let middle = (low * high).squareRoot()
      shapes.append(
        "<text transform=\"translate(\(Self.place(x(middle))) \(Self.place(y(middle * roof.value) - 7))) "
          + "rotate(\(Self.place(slope * 180 / .pi)))\" text-anchor=\"middle\">\(roof.label.escapedForHTML), "
          + "\(Self.short(roof.value)) GB/s</text>")
    }
    return shapes
  }

  /// Dots, and their names in a column at the right, each joined to its dot.
  private var marks: [String] {
    let visible = dots.filter { $0.intensity > 0 && $0.speed > 0 }.sorted { y($0.speed) < y($1.speed) }
    let step = 19.0
    // Downwards as near to the dots as the distance lets them, then up from below where they went too far.
    var places: [Double] = []
    for dot in visible { places.append(max(y(dot.speed), (places.last ?? plot.top - step) + step)) }
    var limit = plot.bottom
    for index in places.indices.reversed() {
      places[index] = min(places[index], limit)
      limit = places[index] - step
    }
    var shapes: [String] = []
    for (dot, place) in zip(visible, places) {
      let colour = dot.isMemoryBound ? "#c2571a" : "#1f6fb2"
      let (dotX, dotY) = (x(dot.intensity), y(dot.speed))
      shapes.append(
        "<polyline points=\"\(Self.place(dotX)),\(Self.place(dotY)) \(Self.place(plot.right + 12)),\(Self.place(place)) "
          + "\(Self.place(plot.right + 22)),\(Self.place(place))\" fill=\"none\" stroke=\"\(colour)\" stroke-opacity=\".35\"/>"
      )
      shapes.append(text(plot.right + 26, place + 4, dot.label, colour: colour))
    }
    // Small dots above large ones.
    for dot in visible.sorted(by: { $0.share > $1.share }) {
      let colour = dot.isMemoryBound ? "#c2571a" : "#1f6fb2"
      let radius = max(4, 26 * dot.share.squareRoot())
      shapes.append(
        "<circle cx=\"\(Self.place(x(dot.intensity)))\" cy=\"\(Self.place(y(dot.speed)))\" r=\"\(Self.place(radius))\" "
          + "fill=\"\(colour)\" fill-opacity=\".55\" stroke=\"\(colour)\"><title>\(dot.label.escapedForHTML)</title></circle>"
      )
    }
    return shapes
  }

  // MARK: - Shapes

  private func line(
    _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ colour: String, width: Double = 1, extra: String = ""
  ) -> String {
    "<line x1=\"\(Self.place(x1))\" y1=\"\(Self.place(y1))\" x2=\"\(Self.place(x2))\" y2=\"\(Self.place(y2))\" "
      + "stroke=\"\(colour)\" stroke-width=\"\(width)\"\(extra)/>"
  }

  private func text(_ x: Double, _ y: Double, _ text: String, anchor: String = "start", colour: String = "#222")
    -> String
  {
    "<text x=\"\(Self.place(x))\" y=\"\(Self.place(y))\" text-anchor=\"\(anchor)\" fill=\"\(colour)\">\(text.escapedForHTML)</text>"
  }

  private static func place(_ value: Double) -> String { String(format: "%.1f", value) }
  private static func short(_ value: Double) -> String { String(format: value < 100 ? "%.1f" : "%.0f", value) }
}
