import Foundation

/// A case server: it runs its case once for every line it gets. Stopped (SIGSTOP) while others have their turn, so that
/// threads that spin while they wait for work take no time from them.
final class CaseProcess {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()

  /// - Throws: `Failure` where it does not get ready; it has told on standard error why.
  init(_ server: String, case name: String, threads: Int) throws {
    process.executableURL = URL(fileURLWithPath: server)
    process.arguments = ["serve", "\(threads)", name]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    guard readLine() == "ready" else {
      process.waitUntilExit()
      throw Failure("\(server) did not prepare '\(name)'")
    }
    kill(process.processIdentifier, SIGSTOP)
  }

  /// Milliseconds of a run, after one that refills the caches.
  func turn() throws -> Double {
    kill(process.processIdentifier, SIGCONT)
    _ = try oneTime()
    let milliseconds = try oneTime()
    kill(process.processIdentifier, SIGSTOP)
    return milliseconds
  }

  /// Times of two servers, `rounds` pairs of them.
  static func pairs(_ servers: [CaseProcess], rounds: Int) throws -> [[Double]] {
    try (0..<rounds).map { round in
      // Who goes first changes, or a machine that slows down would favour one.
      var pair = [0.0, 0.0]
      for index in round % 2 == 0 ? [0, 1] : [1, 0] { pair[index] = try servers[index].turn() }
      return pair
    }
  }

  func end() {
    kill(process.processIdentifier, SIGCONT)
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
  }

  private func oneTime() throws -> Double {
    try input.fileHandleForWriting.write(contentsOf: Data("\n".utf8))
    guard let milliseconds = readLine().flatMap({ Double($0) }) else { throw Failure("the case server ended") }
    return milliseconds
  }

  private func readLine() -> String? {
    var line: [UInt8] = []
    var byte: UInt8 = 0
    while true {
      let count = read(output.fileHandleForReading.fileDescriptor, &byte, 1)
      if count < 0, errno == EINTR { continue }
      guard count == 1 else { return nil }
      if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
      line.append(byte)
    }
  }
}
