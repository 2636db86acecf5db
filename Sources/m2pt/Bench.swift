import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayTraining

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Time forward passes or training steps of a model, or of an architecture with random weights.")

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text, json
    /// Bencher's metric format.
    case bmf
    /// Google Benchmark's.
    case google
  }

  @Option(help: "Model: a directory with config.json, or a safetensors or PyTorch file with --architecture.")
  var model: String?
  @Option(help: "timm's name; without --model its weights are random (default: vit_base_patch16_224).")
  var architecture: String?
  @OptionGroup var chosen: WeightsOption
  @Option(help: "Inputs of a pass.") var batch = 1
  @OptionGroup var precision: PrecisionOptions
  @Option(help: "Attach an auxiliary with random weights, run as two-branch, folded or merged.")
  var pathway: PathwayExecution?
  @Option(help: "Counted passes (20); with --startup, processes (20); with --training, steps (5).") var runs: Int?
  @OptionGroup var engine: EngineOptions
  @Option(help: "Instruction set (default: M2PT_ISA, else the fastest of this processor).") var isa: InstructionSet?
  @Flag(help: "Time every operation, in passes of their own; with --training, in the counted steps.")
  var profile = false
  @Flag(help: "Time training steps: forward pass, loss, backward pass and AdamW.") var training = false
  @Flag(help: "Time from a process's start to its first logits, with --model.") var startup = false
  @Flag(name: .customLong("first-pass"), help: .hidden) var isFirstPassOnly = false
  @Option(help: "Output: text, json, bmf (Bencher) or google (Google Benchmark).") var format = Format.text
  @Flag(help: "The same as --format json.") var json = false
  @Option(help: "A file for a report with a roofline plot; implies --profile.") var html: String?
  @OptionGroup var replacement: OverwriteOption
  @Option(help: "Time this file's way to the model's answer, stage by stage, and what comes before the first block.")
  var input: String?
  @OptionGroup var views: ViewOptions
  @OptionGroup var sound: SoundOptions
  @OptionGroup var recipe: RecipeOptions

  func validate() throws {
    guard (1...1024).contains(batch), (1...10_000).contains(count) else {
      throw ValidationError("--batch takes 1...1024, --runs 1...10000.")
    }
    if json, format != .text, format != .json { throw ValidationError("Give either --json or --format.") }
    guard model != nil || recipe.sampling == nil && recipe.points == nil && recipe.groups == nil else {
      throw ValidationError("--sampling, --points and --groups go with --model.")
    }
    if input != nil {
      guard !startup, !profile, html == nil, batch == 1, format == .text || format == .json else {
        throw ValidationError(
          "--input goes with --json, not with --batch, --startup, --profile, --html or another --format.")
      }
    }
    if training {
      guard !startup, !isFirstPassOnly, input == nil, html == nil, format == .text || format == .json else {
        throw ValidationError(
          "--training goes with --json and --profile, not with --startup, --input, --html or another --format.")
      }
      guard pathway == nil || pathway == .folded else {
        throw ValidationError("Pathways are trained as --pathway folded; found \(pathway?.rawValue ?? "none").")
      }
      guard precision.file == nil, precision.precision != .int8 else {
        throw ValidationError("--training takes --precision float32 or bfloat16; found \(precision.name).")
      }
    }
    guard startup || isFirstPassOnly else { return }
    guard model != nil else { throw ValidationError("--startup reads a file: name it by --model.") }
    guard !profile, html == nil, pathway == nil, format == .text || format == .json else {
      throw ValidationError("--startup goes with --json, not with --profile, --html, --pathway or another --format.")
    }
  }

  func run() throws {
    if isFirstPassOnly { return try printJSON(BenchStartup.FirstPass(makeModel(weights()), batch: batch)) }
    if startup { return try runStartup() }
    if training { return try runTraining() }
    if let input { return try run(file: input) }
    let weights = try weights()
    let page = html.map { OutputFile($0, .page, option: "--html", replacement) }
    let inputs = precision.inputs + (model.map { weights.inputs(at: $0) } ?? [])
    try page?.check(inputs: inputs)
    let measurement = try BenchMeasurement(
      makeModel(weights), batch: batch, runs: count, profiles: profile || html != nil)
    let report = measurement.report(precision: precision.name, pathway: pathway?.rawValue)
    if let page {
      try page.check(inputs: inputs)
      try BenchPage(report).write(to: page.url)
    }
    switch json ? .json : format {
    case .text: try StandardOutput.show(report.lines)
    case .json: try printJSON(report, keys: .convertToSnakeCase)
    case .bmf: try printJSON(report.bencherMetrics, keys: .convertToSnakeCase)
    case .google: try printJSON(GoogleBenchmark(report), keys: .convertToSnakeCase)
    }
  }

  private func run(file: String) throws {
    let model = try makeModel(weights())
    let c = model.configuration
    let frontEnd = try c.frontEnd(
      self.model ?? c.architecture, recipe.preprocessing(c, modelAt: self.model, architecture: architecture),
      views: views, sound: sound, engine: model.engine)
    let report = try BenchFile(
      model, frontEnd, URL(fileURLWithPath: file), precision: precision.name, runs: count)
    if json || format == .json {
      try printJSON(report, keys: .convertToSnakeCase)
    } else {
      try StandardOutput.show(report.lines)
    }
  }

  private var count: Int { runs ?? (training ? 5 : 20) }

  private func makeModel(_ weights: ModelWeights) throws -> VisionTransformer {
    let engine = try makeEngine()
    return try VisionTransformer(
      joined(weights), execution: pathway ?? .merged, precision: precision.plan(on: engine), engine: engine)
  }

  private func makeEngine() throws -> Engine { try Engine(threads: engine.threads, instructionSet: isa) }

  private func joined(_ weights: ModelWeights) throws -> PathwayWeights {
    let weights = PathwayWeights(weights)
    guard pathway != nil else { return weights }
    let other = try ModelWeights.random(weights.target.configuration, seed: 2)
    return try weights.attach(
      auxiliary: AuxiliaryWeights(checkpoint: Checkpoint(tensors: other.tensors)), scale: 0.05)
  }

  private func runTraining() throws {
    let (weights, engine) = (try joined(weights()), try makeEngine())
    if let format = precision.precision { engine.noteEmulation(of: format) }
    var recipe = Recipe()
    recipe.batch = batch
    recipe.precision = precision.precision == .bfloat16 ? .bfloat16 : .float32
    let benchmark = try StepBenchmark(weights, recipe: recipe, profiled: profile, engine: engine)
    let report = try BenchTraining(
      benchmark, weights, runs: count, profiles: profile, precision: precision.precision ?? .float32,
      pathway: pathway?.rawValue, engine: engine)
    if json || format == .json {
      try printJSON(report, keys: .convertToSnakeCase)
    } else {
      try StandardOutput.show(report.lines)
    }
  }

  private func weights() throws -> ModelWeights {
    if let model { return try recipe.weights(modelAt: model, architecture: architecture, chosen) }
    return try .random(.preset(architecture ?? "vit_base_patch16_224"), seed: 1)
  }

  private func runStartup() throws {
    // The child gets this command's own words, and does one pass.
    let own = CommandLine.arguments.dropFirst().filter { !["--startup", "--json"].contains($0) }
    let report = try BenchStartup(runs: count, arguments: own + ["--first-pass"])
    if json || format == .json {
      try printJSON(report, keys: .convertToSnakeCase)
    } else {
      try StandardOutput.show(report.lines)
    }
  }
}

extension PathwayExecution: ExpressibleByArgument {}
extension InstructionSet: ExpressibleByArgument {}
