import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// Runs on many files: memory, interruption, threads.
@Suite(.serialized) struct LongRunTests {
  /// A directory with many names of one small picture.
  private func makeNames(_ count: Int, in folder: URL) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let first = folder.appendingPathComponent("00000.png")
    try BatchTests.picture(0, at: first)
    for index in 1..<count {
      try FileManager.default.linkItem(at: first, to: folder.appendingPathComponent(String(format: "%05d.png", index)))
    }
  }

  /// The peak memory of a run of m2pt, in bytes, without that of this process.
  private func peak(_ arguments: [String], in folder: URL) throws -> Int {
    var most = 0
    let run = try Tool.watched(arguments, in: folder) { process in
      guard let text = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8),
        text.hasPrefix("Name:\tm2pt"), let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
        let kilobytes = Int(line.filter(\.isNumber))
      else { return }
      most = max(most, kilobytes << 10)
    }
    try #require(run.status == 0, "\(run.errors)")
    return most
  }

  /// 10,000 files take little more memory than 1,000, that of their names. The features of a picture are 6.5 KB.
  @Test(arguments: ["features", "pooled", "classify", "probe"])
  func memoryDoesNotGrowWithTheFiles(_ command: String) throws {
    try Tool.withFolder { folder in
      let model = try PictureTests.makeModel(in: folder)
      var peaks: [Int] = []
      for count in [1_000, 10_000] {
        let place = folder.appendingPathComponent("\(count)")
        let output = folder.appendingPathComponent("\(count).out").path
        for name in ["x", "y"] { try makeNames(count / 2, in: place.appendingPathComponent(name)) }
        let arguments: [String] =
          switch command {
          case "features": ["features", place.path + "/x", place.path + "/y", "--output", output]
          case "pooled": ["features", "--pooled", place.path + "/x", place.path + "/y", "--output", output]
          case "classify": ["classify", "--json", place.path + "/x", place.path + "/y"]
          default: ["probe", "--train", place.path, "--folds", "2", "--output", output]
          }
        peaks.append(try peak(arguments + ["--model", model, "--threads", "2"], in: folder))
      }
      print("peak memory of \(command), 1,000 and 10,000 files: \(peaks.map { "\($0 >> 10) KB" })")
      #expect(peaks[0] > 1 << 20)
      #expect(peaks[1] - peaks[0] < 9_000 * 1_000, "\(peaks)")
    }
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func anInterruptedRunReportsItsProgress(_ number: Int32) throws {
    try Tool.withFolder { folder in
      // Background jobs of a shell ignore it, and so do their children.
      signal(number, SIG_DFL)
      let model = try PictureTests.makeModel(in: folder)
      let place = folder.appendingPathComponent("pictures")
      try makeNames(30_000, in: place)
      let output = folder.appendingPathComponent("f.safetensors")
      try Data("old".utf8).write(to: output)
      func temporary() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".partial") }
      }
      // The temporary file shows that the run has begun. Only one signal: a second one ends the process at once.
      var isSent = false
      func send(to process: pid_t, once isUnderWay: Bool) {
        if isUnderWay, !isSent { isSent = kill(process, number) == 0 }
      }
      let features = try Tool.watched(
        ["features", "--model", model, place.path, "--output", output.path, "--overwrite"], in: folder
      ) { process in send(to: process, once: try !temporary().isEmpty) }
      #expect(features.status == 128 + number, "\(features.errors)")
      let words = /interrupted after \d+ of 30000 files; nothing was written/
      #expect(features.errors.contains(words), "\(features.errors)")
      let isEmpty = try temporary().isEmpty
      #expect(isEmpty)
      #expect(try String(contentsOf: output, encoding: .utf8) == "old")

      // The answers so far are valid JSON.
      isSent = false
      let answers = folder.appendingPathComponent("stdout")
      let classify = try Tool.watched(["classify", "--json", "--model", model, place.path], in: folder) { process in
        send(to: process, once: try Data(contentsOf: answers).count > 5000)
      }
      #expect(classify.status == 128 + number, "\(classify.errors)")
      let list = try #require(try JSONSerialization.jsonObject(with: Data(classify.output.utf8)) as? [Any])
      #expect(list.count > 0 && list.count < 30_000)
      #expect(classify.errors.contains("interrupted after \(list.count) of 30000 files"), "\(classify.errors)")
    }
  }

  private func verify(_ folder: URL) -> [String] {
    [
      "verify", "--target", folder.path + "/target", "--auxiliary", folder.path + "/auxiliary.safetensors", "--scale",
      "0.1", "--random-tokens", "3", "--json",
    ]
  }

  private func threads(_ text: String) throws -> Int {
    try JSONDecoder().decode(Verification.self, from: Data(text.utf8)).threads
  }

  @Test func openMPVariablesAreUsed() throws {
    try Tool.withModels { folder in
      let limited = try Tool.run(verify(folder), environment: ["OMP_NUM_THREADS": "", "OMP_THREAD_LIMIT": "1"])
      try #require(limited.status == 0, "\(limited.errors)")
      #expect(try threads(limited.output) == 1)
      let more = try Tool.run(verify(folder) + ["--threads", "2"], environment: ["OMP_THREAD_LIMIT": "1"])
      #expect(more.status == 1 && more.errors.contains("OMP_THREAD_LIMIT"), "\(more.errors)")
      // By default the runtime may start fewer threads on a busy machine; the requested count must be exact.
      let dynamic = try Tool.run(verify(folder) + ["--threads", "3"], environment: ["OMP_DYNAMIC": "true"])
      try #require(dynamic.status == 0, "\(dynamic.errors)")
      #expect(try threads(dynamic.output) == 3)
    }
  }

  /// The OpenMP runtime registers itself under its process number. A process that is killed during that leaves an empty
  /// object, which would make the runtime end the next process with this number.
  @Test(arguments: [0, 1024]) func anEmptyRegistrationOfADeadProcessIsNoMatter(_ size: Int) throws {
    guard FileManager.default.fileExists(atPath: "/dev/shm") else { return }
    try Tool.withModels { folder in
      let script = """
        truncate -s \(size) /dev/shm/__KMP_REGISTERED_LIB_$$_$(id -u); exec "$0" "$@" --threads 2
        """
      let run = try Tool.run(verify(folder), prefix: ["/bin/sh", "-c", script])
      try #require(run.status == 0, "\(run.errors)")
      #expect(try threads(run.output) == 2)
    }
  }

  /// The threads that m2pt takes are those of its affinity mask.
  @Test func affinityIsObeyed() throws {
    let taskset = "/usr/bin/taskset"
    guard FileManager.default.isExecutableFile(atPath: taskset) else { return }
    try Tool.withModels { folder in
      let options = verify(folder)
      func threads(_ prefix: [String], _ variable: String = "") throws -> Int {
        let run = try Tool.run(options, environment: ["OMP_NUM_THREADS": variable], prefix: prefix)
        try #require(run.status == 0, "\(run.errors)")
        return try self.threads(run.output)
      }
      let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
      let list = try #require(status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") })
      let processor = try #require(list.split(whereSeparator: { !$0.isNumber }).first)
      #expect(try threads([taskset, "-c", String(processor)]) == 1)
      #expect(try threads([taskset, "-c", String(processor)], "2,4") == 2)
      let wrong = try Tool.run(options, environment: ["OMP_NUM_THREADS": "many"])
      #expect(wrong.status == 1 && wrong.errors.contains("OMP_NUM_THREADS is 'many'"), "\(wrong.errors)")
    }
  }
}
