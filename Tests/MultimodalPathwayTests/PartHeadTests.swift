import MultimodalPathway
import PathwayCheckpoints
import TestSupport
import Testing

/// Constants of the point heads that the goldens do not determine.
@Suite struct PartHeadTests {
  /// PointNet++'s `1 / (d + 1e-8)`, normalised. The constant matters at distances of its size.
  @Test(
    arguments: [
      [0, 0, 0], [0, 1e-8, 3e-8], [0, 1, 4], [1e-9, 1e-8, 1e-7], [2e-8, 2e-8, 5e-8], [0.25, 0.5, 1],
    ] as [[Float]])
  func sharesAreInverseSquaresPlusTheConstant(_ squares: [Float]) {
    let inverses = squares.map { 1 / (Double($0) + 1e-8) }
    let expected = inverses.map { $0 / inverses.reduce(0, +) }
    var found = squares
    found.withUnsafeMutableBufferPointer { PartHead.turnIntoShares($0.baseAddress!) }
    // Roundings of the constant, the sum and the quotient in every inverse; then two additions and a quotient.
    for (share, exact) in zip(found, expected) { #expect(abs(Double(share) - exact) <= gamma(2 * 3 + 3) * exact) }
    if squares == [0, 0, 0] { #expect(found[0] == found[1] && found[1] == found[2]) }
  }

  /// PyTorch's `BatchNorm1d`: epsilon is 1e-5, also for channels without variance.
  @Test func batchNormsOfPointHeadsHavePyTorchsEpsilon() throws {
    let (_, golden) = try PointGoldenTests.golden("segmenter")
    let c = try #require(golden.configuration.parts)
    var tensors = golden.tensors
    let count = try golden.tensor("bns2.running_var").count
    let variances: [Float] = (0..<count).map { [0, 1e-5, 3e-5, 1][$0 % 4] }
    tensors["bns2.running_var"] = Tensor(variances, shape: [count])
    let weights = try ModelWeights(checkpoint: Checkpoint(tensors: tensors), configuration: golden.configuration)
    let folded = try FoldedWeights(
      PointwiseLinear(ParameterScope(), "convs2", c.pointWidths[0], c.pointWidths[1], norm: "bns2"), weights)
    func numbers(_ name: String) throws -> [Double] { try weights.tensor(name).float32().map(Double.init) }
    let (weight, bias, gain, shift, mean) = (
      try numbers("convs2.weight"), try numbers("convs2.bias"), try numbers("bns2.weight"), try numbers("bns2.bias"),
      try numbers("bns2.running_mean")
    )
    let columns = weight.count / count
    for row in 0..<count {
      let scale = gain[row] / (Double(variances[row]) + 1e-5).squareRoot()
      for column in 0..<columns {
        let (found, expected) = (folded.weight[row * columns + column], weight[row * columns + column] * scale)
        #expect(abs(found - expected) <= 0x1p-50 * abs(expected))
      }
      let expected: Double = scale * (bias[row] - mean[row]) + shift[row]
      let size: Double = abs(scale) * (abs(bias[row]) + abs(mean[row])) + abs(shift[row])
      #expect(abs(folded.bias[row] - expected) <= 0x1p-50 * size)
    }
  }
}
