import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayCases
import PathwayData

/// Throughput of a pipeline that many tasks ask at once, relative to one task that asks for a file after the other.
struct Callers: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Time many callers of a pipeline against one, alternately.")

  @Argument(help: "A model: a directory with config.json.") var model: String
  @Argument(help: "A file of the model's kind.") var file: String
  @Option(help: "Tasks that ask at the same time.") var callers = 64
  @Option(help: "Calls of each of them in a turn.") var calls = 1
  @Option(help: "Threads of the engine (default: as Engine()).") var threads: Int?
  @Option(help: "Pairs of turns.") var rounds = 20
  @Flag(help: "JSON on standard output.") var json = false

  private struct Report: Encodable {
    let callers: Int
    let calls: Int
    let threads: Int
    let isa: String
    let processor: String
    /// Time of many callers over the time of one, for the same number of calls: all pairs' median and 99 % interval.
    let ratio: PairedRatios
    /// Files a second, medians.
    let one: Double
    let many: Double
    /// The process's, after the first turn of one caller, and at the end.
    let peakBytesOfOne: Int
    let peakBytes: Int
  }

  func validate() throws {
    guard (1...4096).contains(callers), (1...1024).contains(calls), (8...1000).contains(rounds) else {
      throw ValidationError("--callers takes 1...4096, --calls 1...1024, --rounds 8...1000.")
    }
  }

  func run() async throws {
    var options = Pipeline.Options()
    let engine = try Engine(threads: threads)
    options.engine = engine
    let pipeline = try await Pipeline(modelAt: URL(fileURLWithPath: model), options: options)
    let data = try Data(contentsOf: URL(fileURLWithPath: file))
    let expected = try await pipeline.classify(data, named: file).best(.max)
    func ask() async throws {
      guard try await pipeline.classify(data, named: file).best(.max) == expected else {
        throw Failure("\(file): two calls have different answers")
      }
    }
    func one() async throws { for _ in 0..<callers * calls { try await ask() } }
    func many() async throws {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<callers { group.addTask { for _ in 0..<calls { try await ask() } } }
        try await group.waitForAll()
      }
    }
    func seconds(_ turn: () async throws -> Void) async throws -> Double {
      let start = DispatchTime.now().uptimeNanoseconds
      try await turn()
      return Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
    }
    try await one()
    let peakOfOne = try peakBytes()
    try await many()
    var times: (one: [Double], many: [Double]) = ([], [])
    for _ in 0..<rounds {
      times.one.append(try await seconds(one))
      times.many.append(try await seconds(many))
    }
    let files = Double(callers * calls)
    func median(_ times: [Double]) -> Double { times.sorted()[times.count / 2] }
    let report = Report(
      callers: callers, calls: calls, threads: engine.threads, isa: engine.instructionSet.rawValue,
      processor: try Processor().name,
      ratio: PairedRatios(zip(times.many, times.one).map { $0 / $1 }, confidence: 0.99),
      one: files / median(times.one), many: files / median(times.many), peakBytesOfOne: peakOfOne,
      peakBytes: try peakBytes())
    if json { return print(String(decoding: try encoded(report), as: UTF8.self), terminator: "") }
    print(
      String(
        format: "%d callers take %.3f (%.3f...%.3f) of the time of one; %.1f and %.1f files a second, %d threads, %@",
        callers, report.ratio.median, report.ratio.low, report.ratio.high, report.many, report.one, report.threads,
        report.processor))
    print(
      String(
        format: "peak memory %.1f MiB with one caller, %.1f MiB with all", Double(peakOfOne) / 0x1p20,
        Double(report.peakBytes) / 0x1p20))
  }

  private func peakBytes() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
      let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { throw Failure("/proc/self/status does not state the peak of memory") }
    return kibibytes << 10
  }
}
