import MultimodalPathway
import PathwayKernels
import PathwayTraining
import TestSupport
import Testing

/// Ten steps of PyTorch in float64 on timm's VisionTransformer with pathways (Tests/Fixtures/training): forward and
/// backward pass, loss, clipping and optimizer together.
@Suite struct RunGoldenTests {
  private let golden: GoldenRun
  private var recipe = Recipe()

  init() throws {
    golden = try GoldenRun("run", GoldenRun.configuration(width: 16))
    (recipe.layerDecay, recipe.lambdaRate, recipe.clip) = (0.75, 10, 1)
  }

  /// Runs all steps in passes of `batch` inputs; returns losses, norms and the arena.
  private func run(
    batch: Int, precision: Precision = .float32, threads: Int = 2
  ) throws -> (losses: [Double], norms: [Double], arena: ParameterArena) {
    let weights = golden.weights
    let arena = try ParameterArena(
      ParameterTable(weights), weights, optimizer: .adamW, averages: false)
    let engine = try Engine(threads: threads)
    let pass = try arena.pass(weights.target.configuration, precision: precision, batch: batch, engine: engine)
    let inputs = try golden.tensor("inputs").float32()
    let labels = try golden.tensor("labels").withUnsafeBytes { Array($0.bindMemory(to: Int64.self)) }
    let targets = ClassTargets(classCount: 3, smoothing: 0.1)
    let rates: [Double] = try golden.json("rates")
    var (losses, norms): ([Double], [Double]) = ([], [])
    for (step, rate) in rates.enumerated() {
      arena.clearGradients()
      var loss = 0.0
      for first in stride(from: 0, to: 4, by: batch) {
        let place = step * 4 + first
        let values = Array(inputs[place * 192..<(place + batch) * 192])
        try values.withUnsafeBufferPointer { values in
          try pass.forward(values.baseAddress!, batch: batch)
          loss += SoftmaxCrossEntropy.run(
            logits: pass.logits, targets: targets(labels[place..<place + batch].map(Int.init)), rows: batch,
            scale: 0.25, gradients: pass.logitGradients)
          try pass.backward()
        }
      }
      losses.append(loss / 4)
      norms.append(try Optimizer(recipe, arena, engine: engine).step(step + 1, rate: rate))
    }
    return (losses, norms, arena)
  }

  /// bfloat16 changes an operand by at most 2^-8 of itself; the losses of ten steps stay within as much of float64's.
  @Test func tenStepsInBFloat16FollowFloat32s() throws {
    let (losses, _, arena) = try run(batch: 4, precision: .bfloat16)
    let expected: [Double] = try golden.json("losses")
    for step in 0..<10 {
      #expect(abs(losses[step] - expected[step]) <= 0x1p-8 * expected[step], "step \(step)")
    }
    let other = try run(batch: 4, precision: .bfloat16, threads: 1)
    #expect(other.losses == losses && other.arena.bits == arena.bits)
  }

  @Test(arguments: [4, 2, 1])
  func tenStepsEqualPyTorchs(_ batch: Int) throws {
    let (losses, norms, arena) = try run(batch: batch)
    let expected: (losses: [Double], norms: [Double]) = try (
      golden.json("losses"), golden.json("norms")
    )
    for step in 0..<10 {
      #expect(abs(losses[step] - expected.losses[step]) <= 1e-5 * expected.losses[step], "step \(step)")
      #expect(abs(norms[step] - expected.norms[step]) <= 1e-5 * expected.norms[step], "step \(step)")
      for (name, found, expected) in [
        ("loss", losses[step], expected.losses[step]), ("norm", norms[step], expected.norms[step]),
      ] {
        let error = abs(found - expected) / expected
        recordError("step \(step + 1), \(name), of \(expected)", share: error / 1e-5, error: error)
      }
    }
    for span in arena.table.spans {
      let final = try golden.numbers("final/\(span.name)")
      let largest = final.map(abs).max() ?? 0
      for (index, expected) in final.enumerated() {
        // The gradient of the keys' bias is 0, as softmax is the same for scores with a constant added: Adam makes
        // steps of what rounding leaves of it.
        if span.name.hasSuffix("attn.qkv.bias"), (16..<32).contains(index) { continue }
        let found = Double(arena.values.base[span.offset + index])
        #expect(abs(found - expected) <= 1e-4 * largest, "\(span.name)[\(index)]: \(found), expected \(expected)")
        let error = abs(found - expected) / largest
        recordError("weights after ten steps, of the largest", share: error / 1e-4, error: error)
      }
    }
  }
}
