import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// The budget of a file: an answer or an error within a second of processor time and 64 MiB for each 64 KiB of it
/// (Tests/Fuzz/README.md), in addition to those of the program itself.
@Suite(.serialized) struct BudgetTests {
  /// The memory of a run on a small file: libraries, including FFmpeg, and a small model.
  private static let ownBytes = 90 << 20
  private static let ownSeconds = 2

  private func arguments(_ file: HostileFile, _ path: String, in folder: URL) throws -> [String] {
    let model = folder.appendingPathComponent(file.reader.rawValue)
    func directory(_ make: (URL) throws -> String) throws -> String {
      let path = model.appendingPathComponent("model").path
      return FileManager.default.fileExists(atPath: path) ? path : try make(model)
    }
    switch file.reader {
    case .picture: return ["classify", "--model", folder.appendingPathComponent("target").path, path]
    case .video: return ["classify", "--model", try directory(VideoToolTests.makeModel), path]
    case .sound: return ["classify", "--resample", "--model", try directory(SoundToolTests().makeModel), path]
    case .points: return ["classify", "--model", try directory(PointToolTests.makeClassifier), path]
    case .checkpoint: return ["inspect", path]
    case .labels:
      let sound = Fixture.url("audio/tone.wav").path
      return ["classify", "--labels", path, "--model", try directory(SoundToolTests().makeModel), sound]
    }
  }

  @Test(arguments: HostileFile.Reader.allCases) func hostileFiles(_ reader: HostileFile.Reader) throws {
    let files = try HostileFile.all().filter { $0.reader == reader }
    #expect(files.count > 1)
    try Tool.withModels { folder in
      for file in files {
        let url = folder.appendingPathComponent(file.name)
        try file.bytes.write(to: url)
        let units = (file.bytes.count + (1 << 16) - 1) >> 16
        let found = try Tool.peak(
          try arguments(file, url.path, in: folder), in: folder, processorSeconds: Self.ownSeconds + units)
        #expect(found.status == 0 || found.status == 1, "\(file.name): ended by \(found.status): \(found.errors)")
        #expect(found.status == 0 || found.errors.contains("Error: "), "\(file.name): \(found.errors)")
        let bound = Self.ownBytes + units * 64 << 20
        #expect(found.bytes < bound, "\(file.name): \(found.bytes >> 20) MiB, expected at most \(bound >> 20)")
      }
    }
  }
}
