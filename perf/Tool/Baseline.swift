import Foundation

/// Exact numbers by group, thing and counter, as a JSON file in git.
typealias Numbers = [String: [String: [String: Int]]]

struct Baseline: Codable {
  /// What the numbers that compilers choose are of.
  var toolchain: String
  var numbers: Numbers

  init(toolchain: String, numbers: Numbers) {
    self.toolchain = toolchain
    self.numbers = numbers
  }

  init(contentsOf file: URL) throws {
    guard let data = try? Data(contentsOf: file) else {
      throw Failure("\(file.relativePath): cannot be read; --update writes it")
    }
    self = try JSONDecoder().decode(Baseline.self, from: data)
  }

  func write(to file: URL) throws {
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try encoded(self).write(to: file, options: .atomic)
  }

  /// Prints every number that differs from the baseline's. More is worse, and so is a number that only one side has.
  ///
  /// - Parameters:
  ///   - groups: those to be compared.
  ///   - noise: the share of a number by which it may differ and count as the same.
  func compare(_ found: Numbers, groups: [String], noise: Double = 0) -> Outcome {
    var (worse, better, count) = (false, false, 0)
    for group in groups {
      let (old, new) = (flat(numbers[group]), flat(found[group]))
      for key in Set(old.keys).union(new.keys).sorted() where old[key] != new[key] {
        if let old = old[key], let new = new[key], Double(abs(new - old)) <= noise * Double(old) { continue }
        func text(_ value: Int?) -> String { value.map(String.init) ?? "none" }
        let isBetter = old[key].flatMap { old in new[key].map { $0 < old } } ?? false
        print("\(isBetter ? "better" : "WORSE ")  \(group): \(key): \(text(old[key])) -> \(text(new[key]))")
        if isBetter { better = true } else { worse = true }
      }
      count += new.count
    }
    let outcome = Outcome(worse: worse, better: better)
    print(
      outcome == .equal ? "\(count) counters as in the baseline" : "if this is meant, --update takes it as the baseline"
    )
    return outcome
  }

  private func flat(_ group: [String: [String: Int]]?) -> [String: Int] {
    var result: [String: Int] = [:]
    for (thing, counters) in group ?? [:] {
      for (counter, value) in counters { result["\(thing): \(counter)"] = value }
    }
    return result
  }
}
