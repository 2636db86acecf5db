import MultimodalPathway
import PathwayTraining
import Testing

@Suite struct ClipSamplingTests {
  private func frames(_ sampling: VideoSampling, of count: Int, place: Int = 0) -> [Int] {
    var random = RandomStream(seed: 3, place: place, .augmentation)
    return ClipSampling.frames(sampling, of: count, &random)
  }

  /// NumPy's `linspace` of VideoMAE's loader, cut to the file and rounded down.
  @Test(arguments: [
    (9, [0, 2, 5, 7]), (8, [0, 2, 5, 7]), (7, [0, 3, 6, 6]), (5, [0, 4, 4, 4]), (2, [0, 1, 1, 1]), (1, [0, 0, 0, 0]),
  ])
  func shortVideosHaveTheFramesOfVideoMAE(_ count: Int, _ expected: [Int]) {
    #expect(frames(VideoSampling(frames: 4, rate: 2), of: count) == expected)
  }

  @Test func longVideosGiveClipsFromEveryFrameOn() {
    let sampling = VideoSampling(frames: 16, rate: 4)
    var starts: Set<Int> = []
    for place in 0..<1000 {
      let found = frames(sampling, of: 100, place: place)
      #expect(found.count == 16 && found == found.sorted())
      // The 16 distances are of 64 / 15 frames.
      #expect(found[15] - found[0] == 63 && found[15] < 99)
      #expect(zip(found, found.dropFirst()).allSatisfy { (3...5).contains($1 - $0) })
      starts.insert(found[0])
    }
    #expect(starts == Set(0..<36))
  }

  @Test func uniformClipsHaveAFrameOfEveryPart() {
    let sampling = VideoSampling(frames: 8, rate: 1, rule: .uniform)
    var places: Set<Int> = []
    for place in 0..<500 {
      let found = frames(sampling, of: 85, place: place)
      #expect(found.enumerated().allSatisfy { ($0 * 10..<$0 * 10 + 10).contains($1) })
      places.formUnion(found)
    }
    #expect(places == Set(0..<80))
  }

  @Test func uniformClipsOfFewFramesAreInferences() {
    let sampling = VideoSampling(frames: 8, rate: 1, rule: .uniform)
    #expect(frames(sampling, of: 5) == sampling.clips(frameCount: 5)[0])
  }
}
