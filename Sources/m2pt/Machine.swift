import Foundation

/// What /proc tells of this machine, and how this program was built.
enum Machine {
  /// The processor's name.
  static var processor: String? { field("model name") }

  static var megahertz: Int? { field("cpu MHz").flatMap { Double($0) }.map { Int($0) } }

  /// Processes that ran or waited, in the mean of the last 1, 5 and 15 minutes.
  static var load: [Double] {
    let text = (try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8)) ?? ""
    return text.split(separator: " ").prefix(3).compactMap { Double($0) }
  }

  static var buildType: String {
    #if DEBUG
      "debug"
    #else
      "release"
    #endif
  }

  private static func field(_ key: String) -> String? {
    guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else { return nil }
    let line = text.split(separator: "\n").first { $0.hasPrefix(key) }
    return line?.split(separator: ":", maxSplits: 1).last.map { $0.trimmingCharacters(in: .whitespaces) }
  }
}
