import Foundation
import TestSupport
import Testing

/// Names of classes from a file, and in CSV.
@Suite struct LabelFileTests {
  /// A byte order mark, as spreadsheets write it, is not part of the first column; a line break in a name is quoted.
  @Test func aByteOrderMarkIsSkippedAndLineBreaksAreQuoted() throws {
    try Tool.withModels { folder in
      let labels = folder.appendingPathComponent("labels.csv")
      let text = "\u{FEFF}index,mid,display_name\n0,x,\"one\ntwo\"\n1,y,plain\n2,z,\"a, b\"\n"
      try Data(text.utf8).write(to: labels)
      let run = try Tool.run([
        "classify", "--model", folder.appendingPathComponent("target").path, "--labels", labels.path, "--csv",
        Fixture.url("images/cat.jpg").path,
      ])
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.output.contains(",0,\"one\ntwo\",") && run.output.contains(",1,plain,"))
      #expect(run.output.contains(",2,\"a, b\","))
    }
  }
}
