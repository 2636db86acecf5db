import MultimodalPathway
import PathwayTraining
import Testing

@Suite struct RandomErasingTests {
  private func erased(_ probability: Double, place: Int, size: Extent) -> [Float] {
    var values = [Float](repeating: 100, count: 3 * size.height * size.width)
    var random = RandomStream(seed: 1, place: place, .augmentation)
    values.withUnsafeMutableBufferPointer { RandomErasing(probability: probability)($0, size: size, &random) }
    return values
  }

  @Test func onePartIsReplacedByNoise() {
    let size = Extent(height: 20, width: 30)
    for place in 0..<50 {
      var random = RandomStream(seed: 1, place: place, .augmentation)
      guard let window = RandomErasing(probability: 1).window(of: size, &random) else {
        Issue.record("no part at \(place)")
        continue
      }
      for (index, value) in erased(1, place: place, size: size).enumerated() {
        let (row, column) = (index % 600 / 30, index % 30)
        let isInside =
          (window.top..<window.top + window.height).contains(row)
          && (window.left..<window.left + window.width).contains(column)
        #expect((value == 100) == !isInside)
      }
      // Sides are rounded by half a pixel each.
      let (h, w) = (Double(window.height), Double(window.width))
      #expect((h + 0.5) * (w + 0.5) >= 0.02 * 600 && (h - 0.5) * (w - 0.5) <= 200)
    }
  }

  @Test func asManyPicturesAsTheProbabilitySays() {
    let count = (0..<4000).count { erased(0.25, place: $0, size: Extent(square: 8)).contains { $0 != 100 } }
    // Deviation 27.
    #expect(abs(count - 1000) < 6 * 27)
    #expect(!erased(0, place: 1, size: Extent(square: 8)).contains { $0 != 100 })
  }
}
