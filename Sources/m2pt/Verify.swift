import ArgumentParser
import Foundation
import MultimodalPathway

struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prove that two-branch, folded and merged execution are equal; exit 1 where a verdict does not hold.")

  @OptionGroup var pathway: PathwayOptions
  @OptionGroup var engine: EngineOptions
  @OptionGroup var sound: SoundOptions
  @Option(parsing: .singleValue, help: "A file of the target's kind to verify with; repeat it for several.")
  var input: [String] = []
  @Option(name: .customLong("random-tokens"), help: "Tokens of random input (default without --input: 197).")
  var randomTokens: Int?
  @Option(help: "Seed of the random input.") var seed: UInt64 = 1
  @Option(help: "A file for a report with pictures of the scales and the pathways' weight.") var html: String?
  @OptionGroup var replacement: OverwriteOption
  @Flag(help: "JSON on standard output.") var json = false

  func validate() throws {
    try pathway.requireAuxiliary()
    if let randomTokens, !(1...1 << 16).contains(randomTokens) {
      throw ValidationError("--random-tokens takes 1...65536.")
    }
    if randomTokens != nil, !input.isEmpty { throw ValidationError("Give either --input or --random-tokens.") }
  }

  func run() throws {
    let weights = try pathway.joined()
    let page = html.map { OutputFile($0, .page, option: "--html", replacement) }
    let inputs = pathway.inputs(weights) + input.map { URL(fileURLWithPath: $0) }
    try page?.check(inputs: inputs)
    let tensor = input.isEmpty ? tokens(weights.target.configuration.width) : try pictures(weights.target.configuration)
    var progress: Progress?
    let result = try Verification(weights, input: tensor, engine: engine.engine()) { _, total in
      if progress == nil { progress = Progress("verifying", total: total) }
      progress?.advance()
    }
    progress?.finish()
    let elements = (result.layers.flatMap(\.comparisons) + result.outputs.flatMap(\.comparisons)).map(\.worst)
    guard elements.allSatisfy({ $0.found.isFinite && $0.expected.isFinite }) else {
      throw ToolError.answerNotFinite(
        input.isEmpty ? pathway.target : input.joined(separator: ", "), "a result of the verification")
    }
    if let page {
      try page.check(inputs: inputs)
      try VerificationReport(result, title: title).write(to: page.url)
    }
    if json {
      try printJSON(result)
    } else {
      try StandardOutput.show(result.lines)
    }
    if !result.holds { throw ExitCode(1) }
  }

  private var title: String {
    func name(_ path: String) -> String { URL(fileURLWithPath: path).lastPathComponent }
    return ([pathway.target] + pathway.auxiliary).map(name).joined(separator: " + ")
  }

  private func tokens(_ width: Int) -> Tensor {
    let count = randomTokens ?? 197
    var state = seed
    return Tensor(
      (0..<count * width).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(Int32(truncatingIfNeeded: state >> 32)) * 0x1p-31
      }, shape: [1, count, width])
  }

  private func pictures(_ c: VisionTransformerConfiguration) throws -> Tensor {
    let frontEnd = try c.frontEnd(
      pathway.target, pathway.recipe.preprocessing(c, modelAt: pathway.target, architecture: pathway.architecture),
      sound: sound, engine: engine.engine())
    let views = try input.flatMap { try frontEnd.preview(of: URL(fileURLWithPath: $0)).values.float32() }
    return Tensor(views, shape: [input.count] + frontEnd.shape)
  }
}
