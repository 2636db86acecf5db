import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayData

struct Calibrate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Choose every layer's number format by what it loses on files of the model's kind.",
    discussion: """
      Runs the model in float32, and on the same inputs every layer of its blocks in int8 and bfloat16 too, its patch \
      embedding in bfloat16. A layer gets the narrowest format in which its output differs from float32's by at most \
      the bound, relative, in the root of the mean square; never one that the instruction set emulates, which costs \
      time. The plan is for --precision-plan.
      """)

  @OptionGroup var input: ModelInput
  @Option(help: "The most that a layer may lose.") var bound = Calibration.usualBound
  @Option(help: "A JSON file for the plan.") var output: String?
  @OptionGroup var replacement: OverwriteOption
  @Flag(help: "JSON on standard output.") var json = false

  private struct Report: Encodable {
    let bound: Double
    /// Files, clips or windows measured.
    let inputs: Int
    let layers: [Calibration.Layer]
    let plan: PrecisionPlan
  }

  func validate() throws {
    guard bound >= 0 else { throw ValidationError("--bound takes a number from 0, such as 0.03.") }
    guard input.options.precision.isUsual else {
      throw ValidationError("calibrate tries all formats: leave out --precision and --precision-plan.")
    }
  }

  func run() throws {
    let weights = try input.options.weights()
    var calibration = try Calibration(PathwayWeights(weights), engine: input.options.engineOptions.engine())
    if calibration.engine.instructionSet.emulates(.bfloat16) {
      report("note: \(calibration.engine.instructionSet) emulates bfloat16, slower than float32: no layer gets it")
    }
    let (run, batches) = try input.run(
      weights.configuration, calibration.engine, "calibrate", interrupted: "there is no plan")
    let file = output.map { OutputFile($0, .plan, replacement) }
    let inputs = input.options.inputs(weights) + run.names.map { URL(fileURLWithPath: $0) }
    try file?.check(inputs: inputs)
    var refused: Int?
    try run.forEachBatch(batches) { batch in
      try add(batch.views, batch.values, to: &calibration) { view, layer in
        if refused != view.file {
          try run.fail(ToolError.answerNotFinite(run.names[view.file], "the output of \(layer)"))
        }
        refused = view.file
      }
    }
    if calibration.inputCount == 0 { try run.end() }
    let report = Report(
      bound: bound, inputs: calibration.inputCount, layers: try calibration.layers(bound: bound),
      plan: try calibration.plan(bound: bound))
    if let file {
      try file.check(inputs: inputs)
      try report.plan.write(to: file.url)
    }
    if json { try printJSON(report) } else { try show(report) }
    try run.end()
  }

  /// Measures a batch; without a view whose values in the layers are not finite, which is `refused`.
  private func add(
    _ views: [InputBatches.View], _ values: Tensor, to calibration: inout Calibration,
    refused: (InputBatches.View, _ layer: String) throws -> Void
  ) throws {
    do {
      try calibration.add(values)
    } catch CalibrationError.notFinite(let place, let layer) {
      try refused(views[place], layer)
      guard views.count > 1 else { return }
      let (numbers, size) = (try values.float32(), values.count / views.count)
      let others = numbers[..<(place * size)] + numbers[((place + 1) * size)...]
      let rest = views[..<place] + views[(place + 1)...]
      try add(
        Array(rest), Tensor(Array(others), shape: [rest.count] + values.shape.dropFirst()), to: &calibration,
        refused: refused)
    }
  }

  private func show(_ report: Report) throws {
    let width = max(5, report.layers.map(\.name.count).max() ?? 0)
    var lines: [String] = []
    func line(_ name: String, _ chosen: String, _ losses: String...) {
      lines.append(([name.padded(to: width)] + ([chosen] + losses).map { $0.padded(to: 9) }).joined(separator: "  "))
    }
    line("layer", "format", "in int8", "bfloat16")
    for layer in report.layers {
      line(
        layer.name, layer.precision.rawValue, layer.int8Loss.map { String(format: "%.5f", $0) } ?? "-",
        String(format: "%.5f", layer.bfloat16Loss))
    }
    let counts = Precision.allCases.reversed().map { precision in
      "\(report.layers.count { $0.precision == precision }) in \(precision.rawValue)"
    }
    lines.append("\(report.inputs) inputs, bound \(report.bound): \(counts.joined(separator: ", "))")
    if let output { lines.append("wrote \(output)") }
    try StandardOutput.show(lines)
  }
}
