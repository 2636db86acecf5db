import Foundation
import PathwayMedia
import TestSupport
import Testing

/// A video's structure is checked in memory as it is in a file.
@Suite struct VideoStructureTests {
  private static let files = [
    "h264.mp4", "hevc.mp4", "vp9.webm", "mpeg4.avi", "mpeg2.ts", "theora.ogv", "pieces/fragments.mp4",
    "pieces/h264.flv",
    "pieces/live.mkv", "pieces/mpeg2.mpg",
  ]

  @Test(arguments: files)
  func wholeFilesPass(_ file: String) throws {
    let data = try Data(contentsOf: Fixture.url("video/" + file))
    let notes = try VideoFile.check(data, name: file)
    #expect(notes.allSatisfy { $0.file == file })
  }

  @Test(arguments: ["h264.mp4", "mpeg4.avi", "vp9.webm"])
  func cutFilesAreTruncated(_ file: String) throws {
    let data = try Data(contentsOf: Fixture.url("video/" + file))
    for count in stride(from: 64, to: data.count, by: 97) {
      do {
        _ = try VideoFile.check(data.prefix(count), name: "cut")
        Issue.record("\(count) of \(data.count) bytes pass")
      } catch let error as VideoError {
        guard case .truncated("cut", let finding) = error else {
          Issue.record("\(count) of \(data.count) bytes: \(error)")
          continue
        }
        #expect(!finding.isEmpty)
      }
    }
  }

  @Test(arguments: ["h264.mp4", "mpeg4.avi", "vp9.webm", "theora.ogv", "pieces/h264.flv"])
  func appendedFilesAreFound(_ file: String) throws {
    let data = try Data(contentsOf: Fixture.url("video/" + file))
    do {
      _ = try VideoFile.check(data + data, name: "two")
      Issue.record("two files pass for one")
    } catch let error as VideoError {
      guard case .unsupported("two", let finding) = error else {
        Issue.record("\(error)")
        return
      }
      // Of MP4, the second table of contents is what is found.
      #expect(finding.contains(file == "h264.mp4" ? "another file" : "byte \(data.count)"))
    }
  }

  /// ContentEncodings of unknown size, each in the one before: as deep as the file is long.
  @Test func deepElementsOfMatroskaAreDamage() throws {
    let header: [UInt8] = [0x1A, 0x45, 0xDF, 0xA3, 0x80, 0x18, 0x53, 0x80, 0x67, 0xFF, 0x16, 0x54, 0xAE, 0x6B, 0xFF]
    let deep = Data(header) + Data((0..<1 << 20).flatMap { _ in [0x6D, 0x80, 0xFF] as [UInt8] })
    #expect(throws: VideoError.damaged(file: "deep", finding: "its descriptions of tracks contain each other")) {
      try VideoFile.check(deep, name: "deep")
    }
  }

  @Test func tinyFilesEndInAnAnswerOrAnError() {
    for count in 0..<32 {
      for first in [0x00, 0x1A, 0x47, 0x4F, 0x52] as [UInt8] {
        _ = try? VideoFile.check(Data(repeating: first, count: count), name: "tiny")
      }
    }
  }
}
