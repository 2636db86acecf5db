import Foundation
import MultimodalPathway
import PathwayCases

/// Named cases in a process of their own, for `compare-revisions` and `instructions`:
///
///     CaseServer list                  every case's name, a line each
///     CaseServer serve THREADS CASE    prepares it, writes "ready"; then for every line read, milliseconds of one run
///     CaseServer once THREADS CASE     one run that warms up, and one inside `countedRun`
///
/// It uses only what every revision's cases have had from the start, so that it can be built upon old ones.
@main
enum CaseServer {
  static func main() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    if arguments == ["list"] { return PathwayCase.all.forEach { print($0.name) } }
    guard arguments.count == 3, ["serve", "once"].contains(arguments[0]), let threads = Int(arguments[1]) else {
      return fail("usage: CaseServer list | serve THREADS CASE | once THREADS CASE")
    }
    guard let work = PathwayCase.all.first(where: { $0.name == arguments[2] }) else {
      return fail("no case '\(arguments[2])'; CaseServer list names them")
    }
    let run = try work.prepare(Engine(threads: threads))
    try run()
    if arguments[0] == "once" { return print("ran \(try countedRun(run)) time") }
    write("ready")
    while readLine() != nil { write("\(try turn(run))") }
  }

  /// Milliseconds of a run, in the mean over as many as fill 40 ms: short ones are lost in the clock and in what woke
  /// this process.
  static func turn(_ run: PathwayRun) throws -> Double {
    let start = DispatchTime.now().uptimeNanoseconds
    var runs = 0.0
    while true {
      try run()
      runs += 1
      let elapsed = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-6
      if elapsed >= 40 { return elapsed / runs }
    }
  }

  /// What callgrind collects in. Its result keeps it from ending in a jump into the run, which no tool would see
  /// return.
  @inline(never)
  static func countedRun(_ run: PathwayRun) throws -> Int {
    try run()
    return 1
  }

  /// A line that the other side sees at once.
  static func write(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

  static func fail(_ message: String) {
    FileHandle.standardError.write(Data((message + "\n").utf8))
    exit(64)
  }
}
