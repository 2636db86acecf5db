import Foundation

/// Bytes of this process that are in memory, as the system's /proc tells them.
struct ResidentMemory {
  var now: Int
  var peak: Int

  /// nil where there is no /proc.
  init?() {
    guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return nil }
    func kilobytes(_ key: String) -> Int? {
      let line = text.split(separator: "\n").first { $0.hasPrefix(key + ":") }
      return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
    }
    guard let now = kilobytes("VmRSS"), let peak = kilobytes("VmHWM") else { return nil }
    self.now = now * 1024
    self.peak = peak * 1024
  }
}
