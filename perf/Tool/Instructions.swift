import ArgumentParser
import Foundation

struct Instructions: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Instructions of one run, counted by callgrind, against a baseline: exit 0 equal, 2 more, 4 fewer.")

  /// Runs of one program differ by single instructions in hundreds of millions, in what the system and the heap do; one
  /// more in an inner loop is a hundred thousand.
  private static let noise = 1e-6
  /// The widest set that valgrind knows.
  private static let set = "avx2"
  /// A plain pass, one that folds, and the kernels that these do not tell apart.
  private static let defaults = [
    "classify one photo, ViT-Ti/16", "one photo, folded pathway, ViT-Ti/16", "attention, 197 tokens, 12 heads",
    "fold and pack, 768 x 3072",
  ]

  @Argument(help: "A case server without debugging information.") var server: String
  @Argument(help: "The baseline's file.") var file: String
  @Option(name: .customLong("case"), parsing: .singleValue, help: "A case; repeat it for several (default: four).")
  var cases: [String] = []
  @Flag(help: "Write the baseline anew.") var update = false

  func run() throws {
    let url = URL(fileURLWithPath: file)
    let toolchain =
      try toolchain() + ", "
      + output(of: "/usr/bin/env", ["valgrind", "--version"])
      .trimmingCharacters(in: .whitespacesAndNewlines)
    let old = try? Baseline(contentsOf: url)
    if !update, let old, old.toolchain != toolchain {
      return print("not compared: the baseline is of \(old.toolchain), this is \(toolchain)")
    }
    let names = cases.isEmpty ? Self.defaults : cases
    var found: [String: [String: Int]] = [:]
    for name in names {
      found[name] = ["instructions": try count(name)]
    }
    if update {
      let kept = old?.toolchain == toolchain ? old?.numbers[Self.set] ?? [:] : [:]
      try Baseline(toolchain: toolchain, numbers: [Self.set: kept.merging(found) { $1 }]).write(to: url)
      return print("wrote \(file)")
    }
    var baseline = try Baseline(contentsOf: url)
    if !cases.isEmpty { baseline.numbers[Self.set] = baseline.numbers[Self.set]?.filter { cases.contains($0.key) } }
    throw baseline.compare([Self.set: found], groups: [Self.set], noise: Self.noise).exit
  }

  private func count(_ name: String) throws -> Int {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let result = folder.appendingPathComponent("callgrind.out")
    _ = try output(
      of: "/usr/bin/env",
      [
        "valgrind", "--tool=callgrind", "--quiet", "--collect-atstart=no", "--toggle-collect=*countedRun*",
        "--callgrind-out-file=\(result.path)", server, "once", "1", name,
      ], environment: ["M2PT_ISA": Self.set, "SWIFT_DETERMINISTIC_HASHING": "1"])
    let text = try String(contentsOf: result, encoding: .utf8)
    let line = text.split(separator: "\n").last { $0.hasPrefix("totals:") || $0.hasPrefix("summary:") }
    guard let count = line?.split(separator: " ").last.flatMap({ Int($0) }), count > 0 else {
      throw Failure("callgrind counted nothing in '\(name)'")
    }
    return count
  }
}
