import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// One test for each way a video file can be wrong, and damaged files at random.
@Suite struct MalformedVideoTests {
  private static func data(_ file: String) throws -> Data { try Data(contentsOf: VideoDecodingTests.url(file)) }

  /// What reading all frames of a file with that content says.
  private func error(_ data: Data, limits: VideoLimits = VideoLimits()) throws -> VideoError? {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).mp4")
    defer { try? FileManager.default.removeItem(at: url) }
    try data.write(to: url)
    do {
      try Self.read(url, limits)
      return nil
    } catch let error as VideoError {
      #expect(error.description.hasPrefix(url.path + ": "))
      return error
    }
  }

  private static func read(_ url: URL, _ limits: VideoLimits) throws {
    let video = try VideoFile(url, limits: limits)
    _ = try video.forEachFrame(0..<video.frameCount) { _, image in
      #expect(image.rgb.count == 3 * image.height * image.width)
    }
  }

  @Test func emptyFile() throws {
    guard case .empty? = try error(Data()) else {
      Issue.record("not found empty")
      return
    }
  }

  @Test func missingFilesAndFolders() {
    let folder = FileManager.default.temporaryDirectory
    let missing = folder.appendingPathComponent(UUID().uuidString)
    #expect(throws: VideoError.unreadable(file: missing.path, reason: "no such file")) { try VideoFile(missing) }
    #expect(throws: VideoError.unreadable(file: folder.path, reason: "it is no regular file")) { try VideoFile(folder) }
  }

  @Test func otherKinds() throws {
    for data in [
      Data("hello, world".utf8), Data([0]), Data(repeating: 0, count: 5000),
      try Data(contentsOf: Fixture.url("images/cat.jpg")),
      try Data(contentsOf: Fixture.url("images/astronaut.png")), try Self.data("sound.m4a"),
      // Lists of other files, which a video library would go and open.
      Data("ffconcat version 1.0\nfile 'h264.mp4'\n".utf8), Data("#EXTM3U\n#EXTINF:1,\nh264.mp4\n".utf8),
    ] {
      guard case .notAVideo(_, let finding)? = try error(data) else {
        Issue.record("taken for a video: \(data.prefix(12))")
        continue
      }
      #expect(!finding.isEmpty)
    }
  }

  @Test(arguments: ["h264.mp4", "h264_faststart.mp4", "hevc.mp4", "mpeg4.avi", "mjpeg.avi", "vp9.webm", "h264_444.mkv"])
  func truncatedFile(_ file: String) throws {
    let whole = try Self.data(file)
    #expect(try error(whole) == nil)
    for fraction in [0.3, 0.6, 0.95] {
      let found = try error(whole.prefix(Int(Double(whole.count) * fraction)))
      guard case .truncated? = found else {
        Issue.record("\(file) cut at \(fraction): \(String(describing: found))")
        continue
      }
    }
  }

  @Test func limits() throws {
    let data = try Self.data("h264.mp4")
    guard case .limitExceeded(_, .pixels, found: 48 * 32, limit: 1000)? = try error(data, limits: .init(pixels: 1000))
    else {
      Issue.record("pixels")
      return
    }
    guard case .limitExceeded(_, .frames, found: nil, limit: 19)? = try error(data, limits: .init(frames: 19)) else {
      Issue.record("frames")
      return
    }
    #expect(try error(data, limits: .init(pixels: 48 * 32, frames: 20)) == nil)
  }

  /// A GIF's screen, and every JPEG picture of an AVI, as large as their headers can say.
  @Test(arguments: ["gif.gif", "mjpeg.avi"])
  func aHugeDeclaredSizeIsRefusedBeforeDecoding(_ file: String) throws {
    var data = try Self.data(file)
    if file == "gif.gif" {
      data.replaceSubrange(6..<10, with: [0xFF, 0xFF, 0xFF, 0xFF])
    } else {
      let frames = data.ranges(of: Data([0xFF, 0xC0, 0x00, 0x11, 0x08]))
      #expect(frames.count == 20)
      for frame in frames {
        data.replaceSubrange(frame.upperBound..<frame.upperBound + 4, with: [0xFF, 0xDC, 0xFF, 0xDC])
      }
      let header = try #require(data.firstRange(of: Data("strf".utf8)))
      data.replaceSubrange(header.upperBound + 8..<header.upperBound + 16, with: [0xDC, 0xFF, 0, 0, 0xDC, 0xFF, 0, 0])
    }
    let found = try error(data)
    // The libraries forget the size that they refuse.
    guard case .damaged(_, let finding)? = found else {
      Issue.record("not refused: \(String(describing: found))")
      return
    }
    #expect(finding.contains("limit of \(7680 * 4320) pixels"))
  }

  /// Tables of a file of 4 KB that promise 2^31 frames.
  @Test func aLyingTableIsFound() throws {
    var data = try Self.data("h264.mp4")
    let table = try #require(data.firstRange(of: Data("stsz".utf8)))
    data.replaceSubrange(table.lowerBound + 12..<table.lowerBound + 16, with: [0x7F, 0xFF, 0xFF, 0xFF])
    #expect(try error(data) != nil)
  }

  /// Damaged files give frames or a `VideoError`, never anything else.
  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func survivesDamage(_ seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let files = try [
      "h264.mp4", "hevc.mp4", "vp8.webm", "vp9.webm", "mpeg4.avi", "mjpeg.avi", "mpeg2.ts", "theora.ogv", "gif.gif",
      "av1.mp4",
    ]
    .map(Self.data)
    let limits = VideoLimits(pixels: 1 << 18, frames: 500)
    var readable = 0
    for _ in 0..<150 {
      var data = files[Int.random(in: files.indices, using: &generator)]
      for _ in 0..<Int.random(in: 1...8, using: &generator) {
        data[Int.random(in: data.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      if Bool.random(using: &generator) { data = data.prefix(Int.random(in: 1..<data.count, using: &generator)) }
      if try error(data, limits: limits) == nil { readable += 1 }
    }
    #expect(readable > 10)
  }
}
