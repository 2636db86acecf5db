import Foundation
import MultimodalPathway
import PathwayData
import Testing

/// Names of classes from files in AudioSet's layout and from vocabularies.
@Suite struct ClassNamesTests {
  private func names(_ content: Data, count: Int = 7) throws -> [String] {
    var names: [String] = []
    try Inputs.withFolder { folder in
      let file = folder.appendingPathComponent("labels.csv")
      try content.write(to: file)
      names = try ClassNames.named(file.path, count: count)
    }
    return names
  }

  @Test func namesAreByNumberWhateverTheirOrder() throws {
    let text = "\u{FEFF}index,mid,display_name\r\n1,/m/1,\"b, \"\"quoted\"\"\"\r\n\r\n0,/m/0,a\r\n"
    #expect(try names(Data(text.utf8), count: 2) == ["a", "b, \"quoted\""])
  }

  @Test func columnsAreFoundByTheirNames() throws {
    #expect(try names(Data("display_name,index\nx,0\n".utf8), count: 1) == ["x"])
  }

  @Test(
    arguments: [
      ("index,mid\n", 1, "the first line is 'index,mid', expected index,mid,display_name"),
      ("index;mid\n0;a\n", 1, "the first line is 'index;mid', expected index,mid,display_name"),
      ("index,mid,display_name\n9,a,b\n", 2, "'9,a,b' does not name one of the model's classes, 0...6"),
      ("index,mid,display_name\n-1,a,b\n", 2, "'-1,a,b' does not name one of the model's classes, 0...6"),
      ("index,mid,display_name\n0,a,b\n0,a,b\n", 3, "names class 0 twice"),
      ("index,mid,display_name\n\n0,a,b\n1,a\n", 4, "2 columns, expected 3 as in the first line"),
      ("index,mid,display_name\n0,a,\n", 2, "class 0 has no name"),
      ("index,mid,display_name\n0,a,b\n", nil, "does not name class 1; the model has 7, the file 1"),
      ("", 1, "the first line is '', expected index,mid,display_name"),
    ] as [(String, Int?, String)])
  func whatIsMalformedIsAnErrorWithItsLine(_ text: String, _ line: Int?, _ finding: String) throws {
    let error = #expect(throws: TableError.self) { try names(Data(text.utf8)) }
    guard case .malformed(_, let foundLine, let found) = error else {
      Issue.record("\(error as Any)")
      return
    }
    #expect(foundLine == line && found == finding)
  }

  @Test(arguments: [([0xFF, 0xFE, 0x69, 0], true), ([0xC3, 0x28], false)] as [([UInt8], Bool)])
  func bytesThatAreNotUTF8AreNamed(_ bytes: [UInt8], _ isWide: Bool) throws {
    let error = #expect(throws: TableError.self) { try names(Data(bytes)) }
    guard case .encoding(_, let isUTF16) = error else {
      Issue.record("\(error as Any)")
      return
    }
    #expect(isUTF16 == isWide)
  }

  @Test func vocabulariesHaveTheirNumberOfClasses() throws {
    #expect(try ClassNames.named("imagenet-1k", count: 1000)[294] == "brown bear, bruin, Ursus arctos")
    #expect(throws: TableError.vocabulary(name: "imagenet-1k", found: 1000, expected: 3)) {
      try ClassNames.named("imagenet-1k", count: 3)
    }
  }

  @Test func aFileThatIsNotThereIsNamed() throws {
    let error = #expect(throws: TableError.self) { try ClassNames.read("/no/such/labels.csv", count: 1) }
    #expect(error?.description.hasPrefix("/no/such/labels.csv: cannot be read: ") == true)
  }
}
