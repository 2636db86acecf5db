import Foundation
import MultimodalPathway

/// From the start of a process to a model's first logits, several times; the file is in the system's page cache from the
/// first time on.
struct BenchStartup: Encodable {
  let model: String
  let threads: Int
  let isa: String
  /// Of the whole way, and of its parts: until the program runs; reading and packing; the first pass.
  let median_ms: Double
  let min_ms: Double
  let max_ms: Double
  let start_ms: Double
  let load_ms: Double
  let first_pass_ms: Double
  let weight_bytes: Int
  /// Behind the first pass, and the most it was until then; nil where there is no /proc.
  let resident_bytes: Int?
  let peak_resident_bytes: Int?
  let resident_over_weights: Double?
  let peak_over_weights: Double?

  /// What a process tells of its way; times in nanoseconds of the system's clock.
  struct FirstPass: Codable {
    let architecture: String
    let threads: Int
    let isa: String
    let started: UInt64
    let loaded: UInt64
    let ended: UInt64
    let weight_bytes: Int
    let resident_bytes: Int?
    let peak_resident_bytes: Int?
  }

  /// Starts this program again, `runs` times with `arguments`, one behind the other.
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
    median_ms = totals[totals.count / 2]
    min_ms = totals[0]
    max_ms = totals[totals.count - 1]
    start_ms = middle { $0.told.started - $0.spawned }
    load_ms = middle { $0.told.loaded - $0.told.started }
    first_pass_ms = middle { $0.told.ended - $0.told.loaded }
    weight_bytes = last.weight_bytes
    resident_bytes = last.resident_bytes
    peak_resident_bytes = last.peak_resident_bytes
    func share(_ bytes: Int?) -> Double? { bytes.map { Double($0) / Double(last.weight_bytes) } }
    resident_over_weights = share(resident_bytes)
    peak_over_weights = share(peak_resident_bytes)
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

  var text: String {
    let way = String(
      format: "%@, %d threads, %@: %.1f ms from start to first logits (%.1f...%.1f): start %.1f, load %.1f, pass %.1f",
      model, threads, isa, median_ms, min_ms, max_ms, start_ms, load_ms, first_pass_ms)
    guard let resident_bytes, let resident_over_weights, let peak_over_weights else { return way }
    return way
      + String(
        format: "\n%.0f MB in memory, %.2f times the weights (at most %.2f)", Double(resident_bytes) * 1e-6,
        resident_over_weights, peak_over_weights)
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
    weight_bytes = model.weightBytes
    resident_bytes = memory?.now
    peak_resident_bytes = memory?.peak
  }
}
