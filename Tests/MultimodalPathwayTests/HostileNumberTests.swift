import Foundation
import MultimodalPathway
import Testing

/// Numbers from files and callers: each is used or refused, and none traps.
@Suite struct HostileNumberTests {
  private static let numbers = [0, -1, 1e-300, 1e30, 1e300, -1e300, Double.infinity, -.infinity, .nan]

  @Test func floatsBecomeTheNearestInteger() {
    let expected = [0, -1, 0, Int.max, .max, .min, .max, .min, 0]
    #expect(Self.numbers.map { Int(saturating: $0) } == expected)
    #expect(Int(saturating: 2.9) == 2 && Int(saturating: -2.9) == -2 && Int(saturating: 0x1p63) == .max)
  }

  /// An unvalidated recipe with every number in every place: it is planned, scaled to another size, or refused.
  @Test(arguments: numbers)
  func recipesOfAnyNumbers(_ number: Double) throws {
    let side = Int(saturating: number)
    let geometries: [ImagePreprocessing.Geometry] = [
      .timm(cropFraction: number, mode: .center), .timm(cropFraction: number, mode: .border),
      .timm(cropFraction: number, mode: .squash), .huggingFace(.none, crops: true),
      .huggingFace(.shortestEdge(max(1, side)), crops: true),
      .huggingFace(.exact(Extent(square: max(1, side))), crops: true),
    ]
    for geometry in geometries {
      let recipe = ImagePreprocessing(
        size: Extent(square: 32), geometry: geometry, filter: .bicubic,
        mean: [Float(number), 0, Float(number)], std: [1, 1, Float(number)])
      let plan = try recipe.plan(for: Extent(height: 3, width: 5))
      #expect(plan.output == Extent(square: 32) && plan.border.count == 3)
      let scaled = recipe.settingSize(Extent(height: max(1, side), width: 7))
      #expect(scaled.size.width == 7)
      var odd = recipe
      odd.size = Extent(square: 0)
      #expect(odd.settingSize(Extent(square: 32)).size == Extent(square: 32))
    }
    // Colours within 8 bits.
    let border = ImagePreprocessing(
      size: Extent(square: 8), geometry: .timm(cropFraction: 1, mode: .border), filter: .bicubic,
      mean: [Float](repeating: Float(number), count: 3), std: [1, 1, 1])
    #expect(try border.plan(for: Extent(square: 3)).border.allSatisfy { $0 == (number >= 1 ? 255 : 0) })
    // Running it is refused.
    if number != 0 && abs(number) != 1 && abs(number) != 1e-300 {
      #expect(throws: ImagePreprocessingError.self) { try ImagePreprocessor(border) }
    }
  }

  @Test(arguments: VideoSampling.Rule.allCases)
  func clipsOfAnyNumbers(_ rule: VideoSampling.Rule) {
    let numbers = [Int.min, -1, 0, 1, 2, 3]
    for frames in numbers {
      for rate in numbers + [.max] {
        for segments in numbers {
          for count in numbers + [.max] {
            let clips = VideoSampling(frames: frames, rate: rate, segments: segments, rule: rule).clips(
              frameCount: count)
            let isUsable = frames > 0 && rate > 0 && segments > 0 && count > 0
            #expect(clips.count == (isUsable ? segments : 0))
            #expect(clips.allSatisfy { $0.count == frames && $0.allSatisfy { (0..<count).contains($0) } })
          }
        }
      }
    }
  }

  /// A configuration of a few bytes must not lead to positions of any size.
  @Test func positionsAreNotResampledToAnySize() throws {
    let c = VisionTransformerConfiguration(
      architecture: "vit_test", imageSize: Extent(square: 8), patchSize: Extent(square: 2), width: 8, depth: 1, heads: 1
    )
    let weights = try ModelWeights.random(c, seed: 1)
    #expect(try weights.resized(to: Extent(height: 512, width: 512)).configuration.patchCount == 1 << 16)
    #expect(throws: ConfigurationError.self) { try weights.resized(to: Extent(height: 514, width: 512)) }
    #expect(throws: ConfigurationError.self) { try weights.resized(to: Extent(square: 1 << 14)) }
  }

  /// The cost of hints does not depend on the length of a name.
  @Test func hintsForLongNames() {
    let long = String(repeating: "x", count: 10_000_000)
    #expect(throws: ConfigurationError.self) { try VisionTransformerConfiguration.preset(long) }
  }
}
