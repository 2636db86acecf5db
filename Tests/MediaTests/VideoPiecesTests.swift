import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// Concatenated videos (Tests/Fixtures/video/pieces/make_pieces.sh).
@Suite struct VideoPiecesTests {
  /// A file of concatenated fixtures.
  private func withJoined<Result>(_ names: [String], _ body: (URL) throws -> Result) throws -> Result {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try names.reduce(into: Data()) { $0 += try Data(contentsOf: Fixture.url("video/\($1)")) }.write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    return try body(file)
  }

  /// Readers of these formats would read only the first file.
  @Test(arguments: [
    "h264.mp4", "h264_faststart.mp4", "pieces/fragments.mp4", "ffv1.mkv", "vp9.webm", "pieces/live.mkv", "mpeg4.avi",
    "theora.ogv", "pieces/h264.flv",
  ])
  func aSecondFileIsRefused(_ name: String) throws {
    let size = try Data(contentsOf: Fixture.url("video/\(name)")).count
    try withJoined([name, name]) { file in
      do {
        _ = try VideoFile(file)
        Issue.record("\(name) twice is read")
      } catch VideoError.unsupported(_, let finding) {
        // The table of an MP4 may come after other boxes.
        #expect(finding.contains("another file follows"), "\(finding)")
        if !name.hasSuffix("mp4") { #expect(finding.contains("byte \(size),"), "\(finding)") }
      }
    }
    let alone = try VideoFile(Fixture.url("video/\(name)"))
    #expect(alone.frameCount == 20 && alone.notes.isEmpty)
  }

  @Test(arguments: ["mpeg2.ts", "pieces/h264.ts", "pieces/mpeg2.mpg", "gif.gif"])
  func streamsAreReadWhole(_ name: String) throws {
    func frames(_ url: URL) throws -> [PixelImage] {
      var frames: [PixelImage] = []
      let video = try VideoFile(url)
      let missing = try video.forEachFrame(0..<video.frameCount) { frames.append($1) }
      #expect(missing == nil)
      return frames
    }
    let one = try frames(Fixture.url("video/\(name)"))
    let two = try withJoined([name, name], frames)
    #expect(one.count == 20 && two.count == 40)
    #expect(two == one + one, "\(name)")
  }

  @Test(arguments: [["mpeg2.ts", "pieces/h264.ts"], ["pieces/h264.ts", "mpeg2.ts"]])
  func aStreamThatChangesItsFormatIsRefused(_ names: [String]) throws {
    try withJoined(names) { file in
      guard case .unsupported? = #expect(throws: VideoError.self, performing: { try VideoFile(file) }) else {
        Issue.record("read")
        return
      }
    }
  }

  @Test func framesThatAnEditListHidesAreNotCounted() throws {
    let video = try VideoFile(Fixture.url("video/pieces/edited.mp4"))
    #expect(video.frameCount == 12)
    #expect(video.notes.map(\.text) == ["its header says 20 frames, 12 are shown"])
    var seen = 0
    #expect(try video.forEachFrame(0..<12) { _, _ in seen += 1 } == nil && seen == 12)
  }

  @Test func checksumsOfOggPagesAreCompared() throws {
    var data = try Data(contentsOf: Fixture.url("video/theora.ogv"))
    data[data.count / 2] ^= 4
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try data.write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    guard case .damaged(_, let finding)? = #expect(throws: VideoError.self, performing: { try VideoFile(file) }) else {
      Issue.record("read")
      return
    }
    #expect(finding.contains("checksum"))
  }

  /// Damaged files give a count or a `VideoError` and nothing else.
  @Test(arguments: [
    "pieces/h264.ts", "pieces/h264.flv", "pieces/live.mkv", "pieces/edited.mp4", "theora.ogv", "mpeg4.avi",
  ])
  func survivesDamage(_ name: String) throws {
    var random = SeededGenerator(seed: 9)
    let whole = try Data(contentsOf: Fixture.url("video/\(name)"))
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: file) }
    for _ in 0..<60 {
      var data = whole + whole
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        let reach = Bool.random(using: &random) ? 600 : data.count
        data[Int.random(in: 0..<reach, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      try data.write(to: file)
      do {
        let video = try VideoFile(file, limits: VideoLimits(pixels: 1 << 16))
        #expect(video.frameCount > 0)
      } catch is VideoError {
      }
    }
  }
}
