import Foundation
import MultimodalPathway
import PathwayData
import Testing

/// AudioSet's tables of segments.
@Suite struct AudioSetSegmentsTests {
  private let names = "index,mid,display_name\n0,/m/1,Speech\n1,/m/2,\"Dog, bark\"\n2,/m/3,Rain\n"
  private let header = "# Segments csv created Sun Mar  5 10:54:31 2017\n# YTID, start_seconds, end_seconds, labels\n"

  /// Reads a table in a folder with the names and these empty files.
  private func segments(
    _ lines: String, files: [String], expecting expected: [String]? = nil
  ) throws -> (any LabelledFiles, folder: String) {
    var result: (any LabelledFiles)?
    var path = ""
    try Inputs.withFolder { folder in
      try Data(names.utf8).write(to: folder.appendingPathComponent("class_labels_indices.csv"))
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent("eval_segments"), withIntermediateDirectories: true)
      for file in files { try Data().write(to: folder.appendingPathComponent(file)) }
      let table = folder.appendingPathComponent("eval_segments.csv")
      try Data((header + lines).utf8).write(to: table)
      path = folder.path
      let frontEnd = try Inputs.soundModel().frontEnd(engine: Engine(threads: 1))
      result = try LabelledData.read(table.path, frontEnd, expecting: expected)
    }
    return (try #require(result), path)
  }

  @Test func segmentsHaveTheirLabelsAndRecordings() throws {
    let lines = """
      --aE2O5G5WE, 0.000, 10.000, "/m/3,/m/1"
      -0RWZT-miFs, 420.000, 430.000, "/m/2"
      gone_______, 30.000, 40.000, "/m/2"
      third______, 30.000, 40.000, "/m/1"

      """
    let (found, folder) = try segments(
      lines, files: ["--aE2O5G5WE.wav", "eval_segments/Y-0RWZT-miFs.flac", "third______.wav", "gone_______.txt"])
    #expect(found.classes == ["Speech", "Dog, bark", "Rain"])
    #expect(
      found.paths
        == ["/--aE2O5G5WE.wav", "/eval_segments/Y-0RWZT-miFs.flac", "/third______.wav"].map { folder + $0 })
    #expect(found.labelSets == [[0, 2], [1], [0]])
    #expect(found.unread == ["segments without a recording": 1])
  }

  @Test func expectedClassesKeepTheirOrder() throws {
    let (found, _) = try segments(
      "x, 0, 1, \"/m/1,/m/3\"\n", files: ["x.wav"], expecting: ["Rain", "Dog, bark", "Speech"])
    #expect(found.labelSets == [[0, 2]])
  }

  @Test(
    arguments: [
      ("x, 0, 10\n", "'x, 0, 10' is no segment, expected YTID, start_seconds, end_seconds, \"labels\""),
      ("x, 0, 10, \"\"\n", "the segment has no labels"),
      ("x, 0, 10, \"/m/3\"\n", "'/m/3' is not one of the expected classes"),
    ])
  func whatIsMalformedIsAnErrorWithItsLine(_ lines: String, _ finding: String) {
    let error = #expect(throws: TableError.self) {
      try segments(lines, files: ["x.wav"], expecting: ["Speech", "Dog, bark"])
    }
    guard case .malformed(_, 3, finding) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  /// Swift's comparison of such a name takes seconds.
  @Test func tooManyCombiningMarksAreRefused() {
    #expect {
      try segments("e" + String(repeating: "\u{301}\u{323}", count: 16) + ", 0, 10, \"/m/3\"\n", files: ["x.wav"])
    } throws: { error in
      guard case TableError.malformed(_, nil, "the text has more than 30 combining marks in a row") = error else {
        return false
      }
      return true
    }
  }

  @Test func aTableWithoutRecordingsIsAnError() throws {
    #expect {
      try segments("x, 0, 10, \"/m/1\"\n", files: [])
    } throws: { error in
      guard case DataError.noFiles = error else { return false }
      return true
    }
  }
}
