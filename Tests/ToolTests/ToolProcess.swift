import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport

/// The built m2pt, run as a process.
enum Tool {
  /// Calls `body` with a folder of a target directory and an auxiliary, both of random weights; removes it afterwards.
  static func withModels(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    let target = folder.appendingPathComponent("target")
    try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let config = """
      {"architecture": "vit_test", "num_classes": 3, "label_names": ["a", "b", "c"],
       "model_args": {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 2, "num_heads": 3},
       "pretrained_cfg": {"input_size": [3, 32, 32]}}
      """
    try Data(config.utf8).write(to: target.appendingPathComponent("config.json"))
    let configuration = try VisionTransformerConfiguration.read(target.appendingPathComponent("config.json"))
    let weights = try ModelWeights.random(configuration, seed: 1)
    try Checkpoint(tensors: weights.tensors).write(to: target.appendingPathComponent("model.safetensors"))
    let auxiliary = try ModelWeights.random(configuration, seed: 2)
    try Checkpoint(tensors: auxiliary.tensors).write(to: folder.appendingPathComponent("auxiliary.safetensors"))
    try body(folder)
  }

  /// Folders "blue" and "red" with `count` noisy pictures each.
  static func makePictures(in folder: URL, count: Int, seed: UInt64) throws -> String {
    var random = SeededGenerator(seed: seed)
    for (name, channel) in [("red", 0), ("blue", 2)] {
      let place = folder.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      for index in 0..<count {
        let samples = (0..<40 * 36 * 3).map { UInt8(($0 % 3 == channel ? 150 : 20) + Int(random.next() % 80)) }
        try ImageFile.writePNG(
          PixelImage(extent: Extent(height: 40, width: 36), rgb: samples),
          to: place.appendingPathComponent("\(index).png"))
      }
    }
    return folder.path
  }

  /// The executable.
  static var url: URL {
    Bundle.main.bundleURL.lastPathComponent.hasSuffix(".xctest")
      ? Bundle.main.bundleURL.deletingLastPathComponent().appendingPathComponent("m2pt")
      : URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent("m2pt")
  }

  /// The lines of standard error but those that say that this processor's set emulates a format.
  static func withoutEmulationNotes(_ errors: String) -> [Substring] {
    errors.split(separator: "\n").filter { !($0.hasPrefix("note: ") && $0.contains("emulates")) }
  }

  /// Starts m2pt with both outputs in files of `folder`, calls `watch` every few milliseconds with its process number,
  /// and returns its exit code and outputs.
  static func watched(
    _ arguments: [String], in folder: URL, processorSeconds: Int? = nil, _ watch: (Int32) throws -> Void
  ) throws -> (status: Int32, output: String, errors: String) {
    let (output, errors) = (folder.appendingPathComponent("stdout"), folder.appendingPathComponent("stderr"))
    for file in [output, errors] { try Data().write(to: file) }
    let process = Process()
    limit(process, arguments, memoryLimit: nil, processorSeconds: processorSeconds)
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    while process.isRunning {
      try watch(process.processIdentifier)
      usleep(3000)
    }
    process.waitUntilExit()
    return (
      process.terminationStatus, try String(contentsOf: output, encoding: .utf8),
      try String(contentsOf: errors, encoding: .utf8)
    )
  }

  /// Configures a process to run m2pt, with optional limits of address space, in KiB, and of processor time.
  private static func limit(_ process: Process, _ arguments: [String], memoryLimit: Int?, processorSeconds: Int?) {
    let limits = [memoryLimit.map { "ulimit -v \($0)" }, processorSeconds.map { "ulimit -t \($0)" }].compactMap { $0 }
    process.executableURL = limits.isEmpty ? url : URL(fileURLWithPath: "/bin/sh")
    let script = (["ulimit -c 0"] + limits + ["exec \"$0\" \"$@\""]).joined(separator: "; ")
    process.arguments = limits.isEmpty ? arguments : ["-c", script, url.path] + arguments
  }

  /// The highest VmHWM of m2pt in Linux's /proc, in bytes, with its exit code and outputs.
  static func peak(
    _ arguments: [String], in folder: URL, processorSeconds: Int? = nil
  ) throws -> (bytes: Int, status: Int32, errors: String) {
    var peak = 0
    let result = try watched(arguments, in: folder, processorSeconds: processorSeconds) { process in
      guard let text = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8),
        text.hasPrefix("Name:\tm2pt"),
        let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
        let kilobytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) })
      else { return }
      peak = max(peak, kilobytes << 10)
    }
    return (peak, result.status, result.errors)
  }

  /// Runs m2pt and returns its exit code and output.
  ///
  /// - Parameters:
  ///   - fileLimit: the largest size of a file, in blocks of the shell; beyond it writing fails.
  ///   - environment: variables in addition to those of this process.
  ///   - prefix: a command, by its path, that runs m2pt.
  ///   - memoryLimit: the most address space, in KiB.
  ///   - processorSeconds: processor time of all threads, after which the system ends m2pt.
  static func run(
    _ arguments: [String], fileLimit: Int? = nil, environment: [String: String] = [:], prefix: [String] = [],
    memoryLimit: Int? = nil, processorSeconds: Int? = nil
  ) throws -> (status: Int32, output: String, errors: String) {
    let process = Process()
    let tool = Tool.url
    if let command = prefix.first {
      process.executableURL = URL(fileURLWithPath: command)
      process.arguments = prefix.dropFirst() + [tool.path] + arguments
    } else if let fileLimit {
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments = ["-c", "trap '' XFSZ; ulimit -f \(fileLimit); exec \"$0\" \"$@\"", tool.path] + arguments
    } else {
      limit(process, arguments, memoryLimit: memoryLimit, processorSeconds: processorSeconds)
    }
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    let text = try everything(from: output)
    let messages = try everything(from: errors)
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: text, as: UTF8.self), String(decoding: messages, as: UTF8.self))
  }

  /// All bytes to the end of a pipe. Foundation's own loop treats a signal that interrupts the wait, such as that of
  /// the end of another child, as a failure.
  private static func everything(from pipe: Pipe) throws -> Data {
    var data = Data()
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(pipe.fileHandleForReading.fileDescriptor, &buffer, buffer.count)
      if count > 0 { data += buffer.prefix(count) }
      if count == 0 { return data }
      if count < 0 && errno != EINTR { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }
  }

  /// Calls `body` with a directory that is removed afterwards.
  static func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }
}

/// Returns the number for a key of a JSON object, or NaN if the key is absent.
func number(_ object: [String: Any], _ key: String) -> Double { object[key] as? Double ?? .nan }
