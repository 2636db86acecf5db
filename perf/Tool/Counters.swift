import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayCases

struct Counters: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Counters that are the same on every machine, against a baseline: exit 0 equal, 2 worse, 4 better.")

  /// Part of what is counted: workspaces hold every thread's scratch.
  private static let threads = 2

  @Argument(help: "The baseline's file.") var file: String
  @Flag(help: "Write the baseline anew.") var update = false

  func run() throws {
    let sets = InstructionSet.available
    var found: Numbers = [:]
    for set in sets { found[set.rawValue] = try counters(of: set) }
    found["code"] = try code()
    let url = URL(fileURLWithPath: file)
    let toolchain = try toolchain()
    if update {
      // Of sets that this processor lacks, what another has found stays.
      let old = (try? Baseline(contentsOf: url))?.numbers ?? [:]
      let merged = Baseline(toolchain: toolchain, numbers: old.merging(found) { $1 })
      try merged.write(to: url)
      return print("wrote \(file)")
    }
    let baseline = try Baseline(contentsOf: url)
    var groups = sets.map(\.rawValue)
    if baseline.toolchain == toolchain {
      groups.append("code")
    } else {
      print("code sizes not compared: the baseline is of \(baseline.toolchain)")
    }
    throw baseline.compare(found, groups: groups).exit
  }

  /// Of every quick case but those with files, in the steady state: heap allocations of a run; for a model's passes,
  /// bytes of its weights as they are packed, of the weights that a pass reads, of all that it cannot avoid to move
  /// (`VisionTransformer.work`), and of its workspace.
  private func counters(of set: InstructionSet) throws -> [String: [String: Int]] {
    let count = try allocationCounter()
    let engine = try Engine(threads: Self.threads, instructionSet: set)
    var result: [String: [String: Int]] = [:]
    for work in PathwayCase.quick where !PathwayCase.files.contains(where: { $0.name == work.name }) {
      let run = try work.prepare(engine)
      for _ in 0..<2 { try run() }
      let before = count()
      try run()
      let allocations = count() - before
      var counters = ["allocations": allocations]
      if let (model, workspace) = run.pass {
        let work = model.work(batch: workspace.batch).values
        counters["weight bytes"] = model.weightBytes
        counters["weight bytes read"] = Int(work.reduce(0) { $0 + $1.weightBytes })
        counters["bytes moved"] = Int(work.reduce(0) { $0 + $1.bytes })
        counters["workspace bytes"] = workspace.byteCount
      }
      result[work.name] = counters
    }
    return result
  }

  /// The function that perf/check preloads.
  private func allocationCounter() throws -> @convention(c) () -> Int {
    guard let symbol = dlsym(nil, "m2pt_allocation_count") else {
      throw Failure("allocations are not counted in this process; run perf/check")
    }
    // SAFETY: Tests/Checks/count_allocations.c declares it `long m2pt_allocation_count(void)`.
    return unsafeBitCast(symbol, to: (@convention(c) () -> Int).self)
  }

  /// Functions of the kernel modules and their bytes, from the objects that this program was linked from.
  private func code() throws -> [String: [String: Int]] {
    guard let folder = Bundle.main.executableURL?.deletingLastPathComponent() else {
      throw Failure("this program does not know its own place")
    }
    var result: [String: [String: Int]] = [:]
    // A set's module is called PathwayKernels followed by a name.
    let modules = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasPrefix("PathwayKernels") && $0.hasSuffix(".build") && $0 != "PathwayKernels.build" }
      .map { String($0.dropLast(".build".count)) }.sorted()
    for module in modules {
      let objects = try FileManager.default.contentsOfDirectory(
        atPath: folder.appendingPathComponent("\(module).build").path
      )
      .filter { $0.hasSuffix(".o") }.sorted().map { folder.appendingPathComponent("\(module).build/\($0)").path }
      let text = try output(of: "/usr/bin/env", ["nm", "--print-size", "--defined-only"] + objects)
      // "address size type name"
      let sizes = text.split(separator: "\n").map { $0.split(separator: " ") }
        .filter { $0.count == 4 && ["T", "t", "W"].contains($0[2]) }.compactMap { Int($0[1], radix: 16) }
      result[module] = ["functions": sizes.count, "bytes": sizes.reduce(0, +)]
    }
    return result
  }
}
