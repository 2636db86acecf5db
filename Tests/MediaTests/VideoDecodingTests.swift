import Foundation
import MultimodalPathway
import PathwayCheckpoints
import PathwayMedia
import TestSupport
import Testing

/// Every clip of Tests/Fixtures/video against the ffmpeg command, byte by byte.
@Suite struct VideoDecodingTests {
  struct Clip: Decodable {
    var file: String
    var frames: Int
  }

  private static let goldens = Result { try Checkpoint(contentsOf: Fixture.url("video/frames.safetensors")) }
  private static let clips =
    (try? JSONDecoder().decode([String: Clip].self, from: Data(goldens.get().metadata["clips"]?.utf8 ?? "".utf8)))
    ?? [:]
  static let names: [String] = clips.keys.sorted()

  static func url(_ file: String) -> URL { Fixture.url("video/\(file)") }

  @Test func thereAreGoldens() {
    #expect(Self.names.count == 21)
  }

  @Test(arguments: names)
  func decodesAsFFmpeg(_ name: String) throws {
    let clip = try #require(Self.clips[name])
    let video = try VideoFile(Self.url(clip.file))
    #expect(video.frameCount == clip.frames)
    let kept = [0, 7, 19]
    var seen: [Int] = []
    let missing = try video.forEachFrame(kept) { index, frame in
      let golden = try #require(try Self.goldens.get().tensors["\(name).\(index)"])
      #expect([frame.height, frame.width, 3] == golden.shape)
      let different = zip(frame.rgb, golden.withUnsafeBytes { Array($0) }).count { $0 != $1 }
      #expect(different == 0, "\(name), frame \(index)")
      seen.append(index)
    }
    #expect(missing == nil && seen == kept)
    // There is no frame after the last one.
    #expect(try video.forEachFrame([0, clip.frames + 3]) { _, _ in } == clip.frames)
  }

  @Test func severalThreadsDecodeInParallel() async throws {
    let url = Self.url("h264.mp4")
    let expected = try frames(url)
    try await withThrowingTaskGroup(of: [PixelImage].self) { group in
      for _ in 0..<8 { group.addTask { try frames(url) } }
      for try await found in group { #expect(found == expected) }
    }
  }

  private func frames(_ url: URL) throws -> [PixelImage] {
    var frames: [PixelImage] = []
    let video = try VideoFile(url)
    _ = try video.forEachFrame(0..<video.frameCount) { frames.append($1) }
    return frames
  }

  @Test func aCancelledTaskStops() async throws {
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      _ = try VideoFile(Self.url("h264.mp4"))
    }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  // MARK: - Clips

  private func expectEqual(_ found: Tensor, _ name: String) throws {
    let golden = try #require(try Checkpoint(contentsOf: Fixture.url("video/views.safetensors")).tensors[name])
    #expect(found.shape == golden.shape)
    let different = zip(try found.float32(), try golden.float32()).count { $0 != $1 }
    #expect(different == 0)
  }

  /// VideoMAE's test protocol, with OpenCV's resizing, bit by bit.
  @Test func viewsAreVideoMAEs() throws {
    let recipe = ImagePreprocessing.videoMAE(size: Extent(square: 16))
    let video = try VideoFile(Self.url("h264.mp4"))
    let sampling = VideoSampling(frames: 4, rate: 3, segments: 2)
    try expectEqual(video.clips(VideoPreprocessor(recipe, sampling: sampling, crops: 3)).tensor(), "views")
    let middle = VideoSampling(frames: 4, rate: 3)
    try expectEqual(video.clips(VideoPreprocessor(recipe, sampling: middle)).tensor(), "middle")
  }

  @Test func shortClipsRepeatTheirLastFrame() throws {
    let preprocessor = try VideoPreprocessor(
      .videoMAE(size: Extent(square: 16)), sampling: VideoSampling(frames: 16, rate: 4))
    let clips = try VideoFile(Self.url("h264.mp4")).clips(preprocessor)
    #expect(clips.frames == [[0, 4, 8, 12, 16] + [Int](repeating: 16, count: 11)])
    let images = clips.images(ofView: 0)
    #expect(images.count == 16 && images[15] == images[4] && images[3] != images[4])
  }
}
