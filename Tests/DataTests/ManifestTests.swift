import Foundation
import MultimodalPathway
import PathwayData
import Testing

/// Tables of files and labels.
@Suite struct ManifestTests {
  private func manifest(
    _ text: String, split: Manifest.Split? = nil, expecting expected: [String]? = nil
  ) throws -> (Manifest, folder: String) {
    var result: Manifest?
    var path = ""
    try Inputs.withFolder { folder in
      let file = folder.appendingPathComponent("files.csv")
      try Data(text.utf8).write(to: file)
      path = folder.path
      result = try Manifest(file.path, split: split, expecting: expected)
    }
    return (try #require(result), path)
  }

  @Test func labelsAreSortedAndPathsAreOfTheTablesDirectory() throws {
    let (found, folder) = try manifest("path,label\nx/1.wav,dog\n/y/2.wav,\"cat, old\"\n3.wav,dog; rain\n")
    #expect(found.classes == ["cat, old", "dog", "rain"])
    #expect(found.paths == [folder + "/x/1.wav", "/y/2.wav", folder + "/3.wav"])
    #expect(found.labelSets == [[1], [0], [1, 2]] && found.firstWithSeveralClasses == 2 && found.unread.isEmpty)
  }

  @Test func aDeviceIsNoTable() {
    #expect(throws: TableError.unreadable(file: "/dev/zero", reason: "it is a device")) { try Manifest("/dev/zero") }
  }

  @Test func aLinkedTableIsRead() throws {
    try Inputs.withFolder { folder in
      let (file, link) = (folder.appendingPathComponent("files.csv"), folder.appendingPathComponent("link.csv"))
      try Data("path,label\n1.wav,dog\n".utf8).write(to: file)
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: file)
      #expect(try Manifest(link.path).paths == [folder.appendingPathComponent("1.wav").path])
    }
  }

  @Test func aSplitHasItsRowsAndTheClassesOfAllRows() throws {
    let text = "split,path,label\ntrain,1,a\nVal,2,b\ntest,3,c\nvalidation,4,a\n"
    let (found, folder) = try manifest(text, split: .validation)
    #expect(found.paths == [folder + "/2", folder + "/4"] && found.labelSets == [[1], [0]])
    #expect(found.classes == ["a", "b", "c"])
    #expect(try manifest(text).0.paths.count == 4)
    #expect(try manifest("path,label\n1,a\n", split: .test).0.paths.count == 1)
  }

  @Test func expectedClassesKeepTheirOrder() throws {
    let (found, _) = try manifest("path,label\n1,a\n2,b;c\n", expecting: ["c", "b", "a"])
    #expect(found.classes == ["c", "b", "a"] && found.labelSets == [[2], [0, 1]])
  }

  @Test(
    arguments: [
      ("file,label\n", 1, "the first line is 'file,label', expected path,label or path,label,split"),
      ("path,label,label\n", 1, "the first line is 'path,label,label', expected path,label or path,label,split"),
      ("path,label,size\n", 1, "the first line is 'path,label,size', expected path,label or path,label,split"),
      ("path,label\n1,a\n2\n", 3, "1 columns, expected 2 as in the first line"),
      ("path,label\n,a\n", 2, "the row has no path"),
      ("path,label\n1,a\n1,b\n", 3, "names '1' twice"),
      ("path,label\n1,\n", 2, "the label is '', expected a name, or several separated by semicolons"),
      ("path,label\n1,a;;b\n", 2, "the label is 'a;;b', expected a name, or several separated by semicolons"),
      ("path,label,split\n1,a,trian\n", 2, "the split is 'trian', expected train, validation or test"),
      ("path,label\n1,z\n", 2, "the label 'z' is not one of the classes: a, b"),
      ("path,label,split\n1,a,test\n", nil, "has no rows of the split 'train', only of: test"),
      ("path,label\n", nil, "has no rows"),
    ] as [(String, Int?, String)])
  func whatIsMalformedIsAnErrorWithItsLine(_ text: String, _ line: Int?, _ finding: String) {
    let error = #expect(throws: TableError.self) { try manifest(text, split: .train, expecting: ["a", "b"]) }
    guard case .malformed(_, line, finding) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func dataAreADirectoryOrATable() throws {
    try Inputs.withFolder { folder in
      let frontEnd = try Inputs.pictureModel().frontEnd(engine: Engine(threads: 1))
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent("a"), withIntermediateDirectories: true)
      try Inputs.writePicture(1, to: folder.appendingPathComponent("a/1.png"))
      let table = folder.appendingPathComponent("files.csv")
      try Data("path,label\na/1.png,x\n".utf8).write(to: table)
      #expect(try LabelledData.read(folder.path, frontEnd).classes == ["a"])
      #expect(try LabelledData.read(table.path, frontEnd).classes == ["x"])
      #expect(throws: DataError.self) { try LabelledData.read(folder.path + "/none.csv", frontEnd) }
    }
  }
}
