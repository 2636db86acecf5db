import CSupport
import Foundation

/// How many threads an engine has where its maker does not say.
package enum ThreadCount {
  package static let limits = 1...1024

  /// `OMP_NUM_THREADS`, else what the process may use: the processors of its affinity mask and the quota of its control
  /// groups, rounded up, at most `OMP_THREAD_LIMIT`, at least 1.
  ///
  /// - Throws: `EngineError.threadVariable`.
  package static func usual(environment: [String: String]) throws -> Int {
    if let count = try number("OMP_NUM_THREADS", environment) { return count }
    let most = try number("OMP_THREAD_LIMIT", environment, isCapped: true)
    return usual(processors: Int(mp_allowed_processors()), quota: quota(), limit: most)
  }

  /// The same of numbers: `quota` in processors, absent if there is no limit.
  package static func usual(processors: Int, quota: Double?, limit: Int?) -> Int {
    var count = processors
    // A quota larger than any number of processors is no limit.
    if let quota, quota < Double(limits.upperBound) { count = min(count, Int(quota.rounded(.up))) }
    if let limit { count = min(count, limit) }
    return min(max(count, limits.lowerBound), limits.upperBound)
  }

  /// A variable's number; of a list by nesting level, as OpenMP has it ("4,2"), the first. Nil where the variable is
  /// absent or blank.
  ///
  /// - Parameter isCapped: whether a number above the limits is the largest of them.
  private static func number(
    _ name: String, _ environment: [String: String], isCapped: Bool = false
  ) throws -> Int? {
    guard let text = environment[name], !text.allSatisfy(\.isWhitespace) else { return nil }
    let first = text.split(separator: ",", maxSplits: 1, omittingEmptySubsequences: false)[0]
    guard let number = Int(trimmed(first)), number >= limits.lowerBound, isCapped || number <= limits.upperBound else {
      throw EngineError.threadVariable(name: name, found: text)
    }
    return min(number, limits.upperBound)
  }

  private static func trimmed(_ text: Substring) -> String {
    String(text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
  }

  /// Removes `OMP_NUM_THREADS` from the environment where it is anything but a list of whole numbers: LLVM's runtime
  /// aborts the process over a blank one (kmp_settings.cpp, `total > 0`). Every parallel region names its own number.
  package static func removeWhatTheRuntimeCannotRead(environment: [String: String]) {
    guard let text = environment["OMP_NUM_THREADS"] else { return }
    let isList = text.split(separator: ",", omittingEmptySubsequences: false).allSatisfy { entry in
      let digits = trimmed(entry)
      return digits.allSatisfy { ("0"..."9").contains($0) } && Int32(digits).map { $0 > 0 } == true
    }
    if !isList { unsetenv("OMP_NUM_THREADS") }
  }

  private static func quota() -> Double? {
    func read(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }
    guard let groups = read("/proc/self/cgroup"), let mounts = read("/proc/self/mountinfo") else { return nil }
    return CgroupQuota.processors(groups: groups, mounts: mounts, read: read)
  }
}
