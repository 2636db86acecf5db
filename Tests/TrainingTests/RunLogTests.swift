import Foundation
import MultimodalPathway
import PathwayTraining
import Testing

@Suite struct RunLogTests {
  private func log(_ text: String, after step: Int) throws -> String {
    var found = ""
    try Models.withFolder { folder in
      let url = folder.appendingPathComponent("log.jsonl")
      try Data(text.utf8).write(to: url)
      _ = try RunLog(url, after: step)
      found = try String(contentsOf: url, encoding: .utf8)
    }
    return found
  }

  @Test func linesAfterTheStepAreRemoved() throws {
    #expect(try log("{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n", after: 2) == "{\"step\":1}\n{\"step\":2}\n")
    #expect(try log("{\"step\":1}\n", after: 0) == "")
  }

  @Test func aLineThatWasNotFinishedIsRemoved() throws {
    #expect(try log("{\"step\":1}\n{\"step\":2}\n{\"st", after: 2) == "{\"step\":1}\n{\"step\":2}\n")
  }

  @Test(arguments: ["{\"loss\":1}", "step 2", "", "{\"step\":\"2\"}"])
  func aLineThatIsNotALogsIsAnErrorAndTheLogStays(_ line: String) throws {
    try Models.withFolder { folder in
      let url = folder.appendingPathComponent("log.jsonl")
      let text = Data("{\"step\":1}\n\(line)\n{\"step\":3}\n".utf8)
      try text.write(to: url)
      #expect {
        try RunLog(url, after: 3)
      } throws: { error in
        guard case TrainingError.badLog(url.path, 2, _) = error else { return false }
        return true
      }
      #expect(try Data(contentsOf: url) == text)
    }
  }

  @Test func aLogThatCannotBeReadIsAnError() throws {
    try Models.withFolder { folder in
      #expect {
        try RunLog(folder, after: 1)
      } throws: { error in
        guard case TrainingError.badLog(folder.path, nil, _) = error else { return false }
        return true
      }
    }
  }

  /// The superuser may list every directory.
  @Test(.enabled(if: geteuid() != 0))
  func aDirectoryThatCannotBeListedIsAnError() throws {
    try Models.withFolder { folder in
      try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: folder.path)
      defer { try? FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder.path) }
      #expect {
        try RunDirectory(folder).check(resumes: false)
      } throws: { error in
        guard case TrainingError.unlistable(folder.path, _) = error else { return false }
        return true
      }
    }
  }
}
