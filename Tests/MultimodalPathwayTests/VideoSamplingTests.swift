import MultimodalPathway
import PathwayCheckpoints
import TestSupport
import Testing

/// The choice of frames, and OpenCV's resizing.
@Suite struct VideoSamplingTests {
  @Test func segmentsSpreadFromStartToEnd() {
    let sampling = VideoSampling(frames: 16, rate: 4, segments: 5)
    // 300 frames: 75 multiples of 4, room for 59; segments start at floor(59 s / 4) = 0, 14, 29, 44, 59.
    let clips = sampling.clips(frameCount: 300)
    #expect(clips.map { $0[0] } == [0, 56, 116, 176, 236])
    for clip in clips { #expect(clip == Array(stride(from: clip[0], to: clip[0] + 64, by: 4))) }
    #expect(clips[4].last == 296)
    #expect(VideoSampling(frames: 16, rate: 4).clips(frameCount: 300)[0][0] == 116)
  }

  @Test func everyIndexIsInTheFile() {
    for frames in [1, 2, 16] {
      for rate in [1, 3, 4] {
        for segments in [1, 2, 5] {
          for count in 1...70 {
            let clips = VideoSampling(frames: frames, rate: rate, segments: segments).clips(frameCount: count)
            #expect(clips.count == segments && clips.allSatisfy { $0.count == frames })
            #expect(clips.joined().allSatisfy { (0..<count).contains($0) && $0 % rate == 0 })
            #expect(clips.allSatisfy { $0 == $0.sorted() })
          }
        }
      }
    }
  }

  @Test(arguments: ["shrink", "tall", "enlarge", "halve", "halve_rows", "one", "same_rows", "line"])
  func resizesAsOpenCV(_ name: String) throws {
    let golden = try Checkpoint(contentsOf: Fixture.url("video/opencv.safetensors")).tensors
    func image(_ tensor: Tensor) throws -> PixelImage {
      try PixelImage(
        extent: Extent(height: tensor.shape[0], width: tensor.shape[1]), rgb: tensor.withUnsafeBytes { Array($0) })
    }
    let (source, expected) = (try image(golden["source.\(name)"]!), try image(golden["resized.\(name)"]!))
    #expect(try source.resized(to: expected.extent, filter: .openCVBilinear) == expected)
  }

  @Test func impossibleNumbersAreRefused() {
    let recipe = ImagePreprocessing.videoMAE(size: Extent(square: 16))
    for (sampling, crops) in [
      (VideoSampling(frames: 0, rate: 4), 1), (VideoSampling(frames: 16, rate: 0), 1),
      (VideoSampling(frames: 16, rate: 4, segments: 0), 1), (VideoSampling(frames: 16, rate: 4), 0),
      (VideoSampling(frames: 1 << 40, rate: 4), 1),
    ] {
      #expect(throws: ImagePreprocessingError.self) { try VideoPreprocessor(recipe, sampling: sampling, crops: crops) }
    }
  }
}
