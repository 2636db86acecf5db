import ArgumentParser
import Foundation
import MultimodalPathway

struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prove that two-branch, folded and merged execution are equal; exit 1 where a verdict does not hold.")

  @OptionGroup var pathway: PathwayOptions
  @OptionGroup var engine: EngineOptions
  @Option(name: .customLong("random-tokens"), help: "Tokens of random input.") var randomTokens = 197
  @Option(help: "Seed of the random input.") var seed: UInt64 = 1
  @Flag(help: "JSON on standard output.") var json = false

  func validate() throws {
    guard (1...1 << 16).contains(randomTokens) else { throw ValidationError("--random-tokens takes 1...65536.") }
  }

  func run() throws {
    let weights = try pathway.joined()
    let width = weights.target.configuration.width
    var state = seed
    let tokens = Tensor(
      (0..<randomTokens * width).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(Int32(truncatingIfNeeded: state >> 32)) * 0x1p-31
      }, shape: [1, randomTokens, width])
    var progress = Progress("verify", total: weights.target.configuration.depth)
    defer { progress.finish() }
    let result = try Verification(weights, input: tokens, engine: engine.engine()) { _, _ in progress.advance() }
    if json {
      try printJSON(result)
    } else {
      print("layer                    lambda      |lW'|/|W|  two-branch/bound  merged/bound  folded = merged")
      for layer in result.layers {
        let name = layer.name.padding(toLength: 24, withPad: " ", startingAt: 0)
        let scales = layer.scales.map { String(format: "%.4g", $0) }.joined(separator: ",")
        print(
          String(
            format: "%@ %@  %9.4f  %16.4f  %12.4f  %@", name, scales.padding(toLength: 10, withPad: " ", startingAt: 0),
            layer.relativeNorm, layer.twoBranchRatio, layer.mergedRatio, layer.foldedEqualsMerged ? "same bits" : "DIFFER"))
      }
      print("whole model: folded and merged features: \(result.foldedEqualsMerged ? "same bits" : "DIFFER")")
      print(String(format: "whole model: two-branch against merged: %.3g of the largest feature", result.twoBranchDifference))
      print("top-1 agreement: \(Int(result.top1Agreement * 100)) %")
      print(result.holds ? "verdict: equal" : "verdict: NOT EQUAL")
    }
    if !result.holds { throw ExitCode(1) }
  }
}
