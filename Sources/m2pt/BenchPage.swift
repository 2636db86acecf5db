import Foundation

/// A bench report as one HTML file: the answer, a roofline plot, the operations, every pass.
struct BenchPage {
  private let report: BenchReport

  init(_ report: BenchReport) { self.report = report }

  func write(to url: URL) throws {
    let style = """
      .numbers { color: #555 } .bar { background: #1f6fb2; display: inline-block; height: .7rem }
      .memory { background: #c2571a } h1 { margin-bottom: .2rem }

      """
    try HTMLPage(title: title, style: style, body: body).write(to: url)
  }

  private var title: String { "\(report.architecture), batch \(report.batch), \(report.precision)" }

  private var body: String {
    let pathway = report.pathway.map { ", pathway \($0)" } ?? ""
    let head = """
      <h1>\(title.escapedForHTML)</h1>
      <p class="numbers">\((report.processor ?? "unknown processor").escapedForHTML), \(report.threads) threads, \
      \(report.isa)\(pathway), \(report.date)</p>
      <p class="verdict">\(String(format: "%.1f ms, %.0f GFLOP/s, %.0f %% of the limit", report.medianMs, report.gflops, report.percentOfLimit))</p>
      <p>Median of \(report.timesMs.count) passes (\(String(format: "%.1f...%.1f ms", report.minMs, report.maxMs))). The limit,
      \(String(format: "%.0f", report.limitGflops)) GFLOP/s, is what the same threads reach in multiply-adds on registers alone,
      measured before and after.</p>
      """
    return ([head] + (report.profile.map { [plot($0), table($0)] } ?? [])).joined(separator: "\n")
  }

  private func plot(_ profile: BenchReport.Profile) -> String {
    let dots = profile.operations.map { operation in
      RooflinePlot.Dot(
        label: String(format: "%@  %.0f %%", operation.name, operation.percentOfLimit),
        intensity: operation.gflop * 1e3 / operation.megabytes, speed: operation.gflops,
        share: operation.ms / profile.sumMs, isMemoryBound: operation.bound == .memory)
    }
    let plot = RooflinePlot(
      compute: .init(label: "multiply-adds, \(report.precision)", value: profile.limitGflops),
      bandwidths: [
        .init(label: "memory", value: profile.memoryGbs), .init(label: "second-level cache", value: profile.cacheGbs),
      ], dots: dots)
    return """
      <h2>Roofline</h2>
      \(plot.svg)
      <p>A dot is an operation, its area the time it takes, its percentage what it reaches of the lower one of two measured
      limits: <span style="color:#1f6fb2">multiply-adds</span>, or <span style="color:#c2571a">reading from memory</span>. Bytes are
      weights, inputs and outputs, each counted once; what a cache still holds can be read faster than memory allows, up to
      the dashed roof. Softmax and GELU are not counted as operations.</p>
      """
  }

  private func table(_ profile: BenchReport.Profile) -> String {
    let longest = profile.operations.map(\.ms).max() ?? 1
    let rows = profile.operations.map { operation in
      let bar =
        "<span class=\"bar\(operation.bound == .memory ? " memory" : "")\" "
        + "style=\"width:\(String(format: "%.2f", 6 * operation.ms / longest))rem\"></span>"
      let numbers = [
        String(format: "%g", operation.calls), String(format: "%.3f", operation.ms),
        String(format: "%.1f %%", operation.percentOfPass), String(format: "%.1f %%", operation.percentWaiting),
        String(format: "%.3f", operation.gflop), String(format: "%.1f", operation.gflops),
        String(format: "%.2f", operation.megabytes), String(format: "%.1f", operation.gbs),
        String(format: "%.0f %% of %@", operation.percentOfLimit, operation.bound.rawValue),
      ]
      return HTMLPage.row(
        [operation.name.escapedForHTML] + numbers + ["<div style=\"width:6rem;text-align:left\">\(bar)</div>"])
    }
    let head = [
      "operation", "calls", "ms", "share", "waiting", "GFLOP", "GFLOP/s", "MB", "GB/s", "reached", "",
    ]
    return """
      <h2>Operations</h2>
      \(HTMLPage.table(head, rows))
      <p>Means over passes of their own; together \(String(format: "%.3f", profile.sumMs)) ms of a pass of
      \(String(format: "%.3f", profile.passMs)) ms (the rest starts threads and copies logits). Waiting: for the slowest thread, at the
      end of each step.</p>
      """
  }
}
