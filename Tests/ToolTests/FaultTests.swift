import Foundation
import MultimodalPathway
import TestSupport
import Testing

#if os(Linux)
  /// Failures of single system calls (CSupport/Faults): a command gives its complete result, or an error that leaves
  /// the old files unchanged.
  @Suite struct FaultTests {
    /// A way for one function to fail.
    private struct Fault {
      let function: String
      let code: Int32
      /// Whether all later calls fail too.
      let stays: Bool
    }

    private static let faults = [
      Fault(function: "open", code: EMFILE, stays: false), Fault(function: "open", code: EACCES, stays: false),
      Fault(function: "mkdir", code: EDQUOT, stays: false), Fault(function: "opendir", code: EMFILE, stays: false),
      Fault(function: "flock", code: ENOLCK, stays: true), Fault(function: "read", code: EIO, stays: false),
      Fault(function: "read", code: EINTR, stays: false), Fault(function: "pread", code: EIO, stays: false),
      Fault(function: "mmap", code: ENOMEM, stays: false), Fault(function: "write", code: ENOSPC, stays: true),
      Fault(function: "write", code: EINTR, stays: false), Fault(function: "pwrite", code: ENOSPC, stays: true),
      Fault(function: "pwrite", code: EIO, stays: false), Fault(function: "ftruncate", code: EIO, stays: false),
      Fault(function: "fchmod", code: EPERM, stays: false), Fault(function: "fsync", code: EIO, stays: false),
      Fault(function: "close", code: ENOSPC, stays: false), Fault(function: "rename", code: EXDEV, stays: false),
      Fault(function: "renameat2", code: EINVAL, stays: true), Fault(function: "renameat2", code: EIO, stays: false),
      Fault(function: "pthread_create", code: EAGAIN, stays: false),
    ]

    /// The library of CSupport/Faults, compiled into `folder`.
    private func library(in folder: URL) throws -> String {
      let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
        "../../CSupport/Faults/faults.c")
      let library = folder.appendingPathComponent("libfaults.so").path
      let compiler = Process()
      compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      compiler.arguments = ["clang", "-shared", "-fPIC", "-O1", "-o", library, source.standardizedFileURL.path, "-ldl"]
      try compiler.run()
      compiler.waitUntilExit()
      try #require(compiler.terminationStatus == 0)
      return library
    }

    /// All bytes below `place`, by path; those of a file under "".
    private func content(_ place: URL) throws -> [String: Data] {
      guard FileManager.default.fileExists(atPath: place.path) else { return [:] }
      guard place.isExistingDirectory else { return ["": try Data(contentsOf: place)] }
      return Dictionary(
        uniqueKeysWithValues: try FileManager.default.contentsOfDirectory(atPath: place.path).map {
          ($0, try Data(contentsOf: place.appendingPathComponent($0)))
        })
    }

    private func counts(_ file: URL) throws -> [String: Int] {
      let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { $0.split(separator: " ") }
      return Dictionary(uniqueKeysWithValues: lines.map { (String($0[0]), Int($0[1])!) })
    }

    @Test(arguments: ["merge", "convert", "features", "attention", "calibrate", "probe", "classify"])
    func everySystemCallMayFail(_ name: String) throws {
      try Tool.withModels { folder in
        let library = try library(in: folder)
        let results = folder.appendingPathComponent("results")
        let (old, output) = (folder.appendingPathComponent("old"), results.appendingPathComponent("output.png"))
        let target = folder.appendingPathComponent("target").path
        let picture = Fixture.url("images/cat.jpg").path
        let model = ["--model", target, "--threads", "2"]
        for (kind, file) in [("x", "cat.jpg"), ("y", "coffee.jpg")] {
          for index in 0..<2 {
            let place = folder.appendingPathComponent("train/\(kind)")
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            try FileManager.default.copyItem(
              at: Fixture.url("images/\(file)"), to: place.appendingPathComponent("\(index).jpg"))
          }
        }
        let written = ["--output", output.path, "--overwrite"]
        let command: [String] =
          switch name {
          case "merge":
            ["merge", "--target", target, "--auxiliary", folder.path + "/auxiliary.safetensors", "--scale", "1"]
              + ["--threads", "2"] + written
          case "convert": ["convert", target, output.path, "--overwrite", "--dtype", "bfloat16"]
          case "probe":
            ["probe", "--train", folder.path + "/train", "--folds", "2"] + model + written
          case "classify": ["classify", "--json", picture, picture] + model
          default: [name, picture] + model + written
          }
        // An old result of the same kind: a directory for models.
        if ["convert", "probe"].contains(name) {
          try FileManager.default.copyItem(at: URL(fileURLWithPath: target), to: old)
        } else {
          try Data("old".utf8).write(to: old)
        }
        func run(_ environment: [String: String]) throws -> (status: Int32, output: String, errors: String) {
          try? FileManager.default.removeItem(at: results)
          try FileManager.default.createDirectory(at: results, withIntermediateDirectories: false)
          try FileManager.default.copyItem(at: old, to: output)
          return try Tool.run(command, environment: environment.merging(["LD_PRELOAD": library]) { $1 })
        }
        let table = folder.appendingPathComponent("counts")
        let good = try run(["M2PT_FAULT_COUNTS": table.path])
        try #require(good.status == 0, "\(good.errors)")
        let (before, after) = (try content(old), try content(output))
        let counts = try counts(table)
        var (runs, refused) = (0, 0)
        for fault in Self.faults {
          let count = counts[fault.function] ?? 0
          // All calls, or the first, the last, and some between.
          let places = count <= 12 ? Array(1..<(count + 1)) : Array(1...6) + [count / 2] + Array((count - 4)...count)
          for place in places {
            let text = "\(fault.function):\(place)\(fault.stays ? "+" : ""):\(fault.code)"
            let run = try run(["M2PT_FAULT": text])
            let found = try content(output)
            runs += 1
            refused += run.status == 1 ? 1 : 0
            #expect(run.status == 0 || run.status == 1, "\(name), \(text): \(run.status) \(run.errors)")
            #expect(run.status == 0 || run.errors.contains("Error: "), "\(name), \(text): \(run.errors)")
            #expect(
              found == after || run.status == 1 && found == before, "\(name), \(text): \(run.status) \(run.errors)")
            if name == "classify", run.status == 0 { #expect(run.output == good.output, "\(text)") }
            let left = try FileManager.default.contentsOfDirectory(atPath: results.path)
            #expect(left == ["output.png"], "\(name), \(text): \(left)")
          }
        }
        print("\(name): \(runs) faults, \(refused) ended with an error")
        #expect(refused > 0 && refused < runs)
      }
    }
  }
#endif
