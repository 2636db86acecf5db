import Foundation
import PathwayMedia
import TestSupport
import Testing

/// The structure of a video in memory, checked without a library.
@Suite struct VideoStructureTests {
  private static let files = [
    "h264.mp4", "hevc.mp4", "vp9.webm", "mpeg4.avi", "mpeg2.ts", "theora.ogv", "pieces/fragments.mp4",
    "pieces/h264.flv", "pieces/live.mkv", "pieces/mpeg2.mpg",
  ]

  @Test(arguments: files)
  func wholeFilesPass(_ file: String) throws {
    let data = try Data(contentsOf: Fixture.url("video/" + file))
    #expect(try VideoFile.check(data, name: file) == [])
  }

  @Test(arguments: ["h264.mp4", "mpeg4.avi", "vp9.webm"])
  func cutFilesAreTruncated(_ file: String) throws {
    let data = try Data(contentsOf: Fixture.url("video/" + file))
    for count in stride(from: 64, to: data.count, by: 97) {
      let finding = CutVideo.finding(data, at: count)
      #expect(throws: VideoError.truncated(file: "cut", finding: finding)) {
        try VideoFile.check(data.prefix(count), name: "cut")
      }
    }
  }

  @Test(arguments: ["h264.mp4", "mpeg4.avi", "vp9.webm", "theora.ogv", "pieces/h264.flv"])
  func appendedFilesAreFound(_ file: String) throws {
    let data = try Data(contentsOf: Fixture.url("video/" + file))
    // The second file of MP4 is found by its table of contents.
    let movie = CutVideo.boxes(data).first { $0.name == "moov" && file == "h264.mp4" }?.range.lowerBound ?? 0
    let finding = "another file follows at byte \(data.count + movie), which would not be read; split the file there"
    #expect(throws: VideoError.unsupported(file: "two", finding: finding)) {
      try VideoFile.check(data + data, name: "two")
    }
  }

  /// Elements ContentEncodings of unknown size, each inside the one before it, to the end of the file.
  @Test func deepElementsOfMatroskaAreDamage() throws {
    let header: [UInt8] = [0x1A, 0x45, 0xDF, 0xA3, 0x80, 0x18, 0x53, 0x80, 0x67, 0xFF, 0x16, 0x54, 0xAE, 0x6B, 0xFF]
    let deep = Data(header) + Data((0..<1 << 20).flatMap { _ in [0x6D, 0x80, 0xFF] as [UInt8] })
    #expect(throws: VideoError.damaged(file: "deep", finding: "its track descriptions are nested too deeply")) {
      try VideoFile.check(deep, name: "deep")
    }
  }

  /// Runs of one byte that begins a format have no structure to check.
  @Test(arguments: [0x00, 0x1A, 0x47, 0x4F, 0x52] as [UInt8], 0..<32)
  func tinyFilesHaveNothingToCheck(_ first: UInt8, _ count: Int) throws {
    #expect(try VideoFile.check(Data(repeating: first, count: count), name: "tiny") == [])
  }

  /// Beginnings of files that end in their first header.
  @Test(arguments: [
    ("h264.mp4", "its box 'ftyp' ends at byte 32, the file at 12"),
    ("mpeg4.avi", "its first part ends at byte 8442, the file at 12"), ("theora.ogv", "the last page is cut"),
  ])
  func filesThatEndInTheirFirstHeaderAreTruncated(_ file: String, _ finding: String) throws {
    let data = try Data(contentsOf: Fixture.url("video/" + file))
    #expect(throws: VideoError.truncated(file: "tiny", finding: finding)) {
      try VideoFile.check(data.prefix(12), name: "tiny")
    }
  }
}
