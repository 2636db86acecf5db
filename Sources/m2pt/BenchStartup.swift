import Foundation
import MultimodalPathway

/// From the start of a process to a model's first logits, several times; the file is in the system's page cache from
/// the first time on.
struct BenchStartup: Encodable {
  let model: String
  let threads: Int
  let isa: String
  /// Of the whole way, and of its parts: until the program runs; reading and packing; the first pass.
  let medianMs: Double
  let minMs: Double
  let maxMs: Double
  let startMs: Double
  let loadMs: Double
  let firstPassMs: Double
  let weightBytes: Int
  /// After the first pass, and the peak until then; nil where there is no /proc.
  let residentBytes: Int?
  let peakResidentBytes: Int?
  let residentOverWeights: Double?
  let peakOverWeights: Double?

  /// What a process tells of its way; times in nanoseconds of the system's clock.
  struct FirstPass: Codable {
    let architecture: String
    let threads: Int
    let isa: String
    let started: UInt64
    let loaded: UInt64
    let ended: UInt64
    let weightBytes: Int
    let residentBytes: Int?
    let peakResidentBytes: Int?
  }

  /// Starts this program again, `runs` times with `arguments`, one after the other.
  init(runs: Int, arguments: [String]) throws {
    var passes: [(spawned: UInt64, told: FirstPass)] = []
    for _ in 0..<runs { passes.append(try Self.start(arguments)) }
    func middle(_ value: ((spawned: UInt64, told: FirstPass)) -> UInt64) -> Double {
      let sorted = passes.map(value).sorted()
      return Double(sorted[sorted.count / 2]) * 1e-6
    }
    let totals = passes.map { Double($0.told.ended - $0.spawned) * 1e-6 }.sorted()
    let last = passes[passes.count - 1].told
    model = last.architecture
    threads = last.threads
    isa = last.isa
    medianMs = totals[totals.count / 2]
    minMs = totals[0]
    maxMs = totals[totals.count - 1]
    startMs = middle { $0.told.started - $0.spawned }
    loadMs = middle { $0.told.loaded - $0.told.started }
    firstPassMs = middle { $0.told.ended - $0.told.loaded }
    weightBytes = last.weightBytes
    residentBytes = last.residentBytes
    peakResidentBytes = last.peakResidentBytes
    func share(_ bytes: Int?) -> Double? { bytes.map { Double($0) / Double(last.weightBytes) } }
    residentOverWeights = share(residentBytes)
    peakOverWeights = share(peakResidentBytes)
  }

  private static func start(_ arguments: [String]) throws -> (spawned: UInt64, told: FirstPass) {
    let process = Process()
    process.executableURL = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
    process.arguments = Array(arguments)
    let output = Pipe()
    process.standardOutput = output
    let spawned = DispatchTime.now().uptimeNanoseconds
    try process.run()
    let text = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    // The child has told on standard error why.
    guard process.terminationStatus == 0 else { throw ToolError("the measured process failed") }
    return (spawned, try JSONDecoder().decode(FirstPass.self, from: text))
  }

  var lines: [String] {
    let way = String(
      format: "%@, %d threads, %@: %.1f ms from start to first logits (%.1f...%.1f): start %.1f, load %.1f, pass %.1f",
      model, threads, isa, medianMs, minMs, maxMs, startMs, loadMs, firstPassMs)
    guard let residentBytes, let residentOverWeights, let peakOverWeights else { return [way] }
    return [
      way,
      String(
        format: "%.0f MB in memory, %.2f times the weights (at most %.2f)", Double(residentBytes) * 1e-6,
        residentOverWeights, peakOverWeights),
    ]
  }
}

extension BenchStartup.FirstPass {
  /// Loads and makes one pass.
  init(_ makeModel: @autoclosure () throws -> VisionTransformer, batch: Int) throws {
    started = DispatchTime.now().uptimeNanoseconds
    let model = try makeModel()
    loaded = DispatchTime.now().uptimeNanoseconds
    _ = try model(BenchMeasurement.images(model.configuration, batch: batch))
    ended = DispatchTime.now().uptimeNanoseconds
    let memory = ResidentMemory()
    architecture = model.configuration.architecture
    threads = model.engine.threads
    isa = model.engine.instructionSet.rawValue
    weightBytes = model.weightBytes
    residentBytes = memory?.now
    peakResidentBytes = memory?.peak
  }
}
