import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// One test for each kind of malformed video file, and randomly damaged files.
@Suite struct MalformedVideoTests {
  private static func data(_ file: String) throws -> Data { try Data(contentsOf: VideoDecodingTests.url(file)) }

  /// The error of reading all frames of a file with that content, or nil.
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

  /// The description of that error, without the file's name.
  private func text(_ data: Data, limits: VideoLimits = VideoLimits()) throws -> String? {
    try error(data, limits: limits).map { String($0.description.drop { $0 != " " }.dropFirst()) }
  }

  private static func read(_ url: URL, _ limits: VideoLimits) throws {
    let video = try VideoFile(url, limits: limits)
    _ = try video.forEachFrame(0..<video.frameCount) { _, image in
      #expect(image.rgb.count == 3 * image.height * image.width)
    }
  }

  @Test func emptyFile() throws {
    #expect(try text(Data()) == "the file is empty; expected a video")
  }

  @Test func missingFilesAndFolders() {
    let folder = FileManager.default.temporaryDirectory
    let missing = folder.appendingPathComponent(UUID().uuidString)
    #expect(throws: VideoError.unreadable(file: missing.path, reason: "no such file")) { try VideoFile(missing) }
    #expect(throws: VideoError.unreadable(file: folder.path, reason: "not a regular file")) { try VideoFile(folder) }
  }

  @Test func otherKinds() throws {
    let other = "its format is not one of those read as video"
    let unknown = "its content is not that of a video: Invalid data found when processing input"
    for (data, finding) in [
      (Data("hello, world".utf8), unknown), (Data([0]), unknown), (Data(repeating: 0, count: 5000), unknown),
      (try Data(contentsOf: Fixture.url("images/cat.jpg")), other),
      (try Data(contentsOf: Fixture.url("images/astronaut.png")), other),
      (try Self.data("sound.m4a"), "it holds no video stream"),
      // Lists of other files, which a video library would open.
      (Data("ffconcat version 1.0\nfile 'h264.mp4'\n".utf8), other),
      (Data("#EXTM3U\n#EXTINF:1,\nh264.mp4\n".utf8), unknown),
    ] {
      let expected = "\(finding); expected a video in MP4, QuickTime, Matroska, WebM, AVI, MPEG, Ogg, FLV or GIF"
      let found = try text(data)
      #expect(found == expected, "\(String(decoding: data.prefix(12), as: UTF8.self))")
    }
  }

  @Test(arguments: ["h264.mp4", "h264_faststart.mp4", "hevc.mp4", "mpeg4.avi", "mjpeg.avi", "vp9.webm", "h264_444.mkv"])
  func truncatedFile(_ file: String) throws {
    let whole = try Self.data(file)
    #expect(try error(whole) == nil)
    for fraction in [0.3, 0.6, 0.95] {
      let count = Int(Double(whole.count) * fraction)
      let expected = "the file is truncated: \(CutVideo.finding(whole, at: count)); download or copy it again"
      #expect(try text(whole.prefix(count)) == expected)
    }
  }

  @Test func limits() throws {
    let data = try Self.data("h264.mp4")
    #expect(
      try text(data, limits: .init(pixels: 1000))
        == "1536 pixels of a frame, limit 1000; raise VideoLimits.pixels if the file is trusted")
    #expect(
      try text(data, limits: .init(frames: 19))
        == "more than 19 frames, limit 19; raise VideoLimits.frames if the file is trusted")
    #expect(try error(data, limits: .init(pixels: 48 * 32, frames: 20)) == nil)
  }

  /// The screen of a GIF, and every JPEG picture of an AVI, as large as their headers can declare.
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
    // The libraries do not report the size that they refuse.
    #expect(
      try text(data)
        == "the file is damaged: its video stream has no frame of a known size within the limit of 33177600 pixels; "
        + "download or copy it again")
  }

  /// A table of sizes in a file of 4 KB that declares 2^31 - 1 frames.
  @Test func aTableLargerThanItsBoxIsRefused() throws {
    var data = try Self.data("h264.mp4")
    let table = try #require(data.firstRange(of: Data("stsz".utf8)))
    data.replaceSubrange(table.lowerBound + 12..<table.lowerBound + 16, with: [0x7F, 0xFF, 0xFF, 0xFF])
    // 4 bytes for each of the 20 frames.
    #expect(
      try text(data)
        == "the file is damaged: its table 'stsz' declares 2147483647 entries of 32 bits but has 80 bytes; "
        + "download or copy it again")
  }

  /// Damaged files give frames or a `VideoError` and nothing else.
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
