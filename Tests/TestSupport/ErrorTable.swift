import Foundation

/// `M2PT_ERROR_TABLE=errors.tsv swift test -c release --disable-testable-imports --filter Gradient` adds a line for each
/// comparison of a gradient to that file: operation, worst error as a share of its bound, error.
/// `sort -t "$(printf '\t')" -k1,1 -k2,2gr errors.tsv | sort -s -u -t "$(printf '\t')" -k1,1` leaves the worst of each.
public func recordError(_ operation: String, share: Double, error: Double) {
  guard let path = ProcessInfo.processInfo.environment["M2PT_ERROR_TABLE"] else { return }
  guard let file = fopen(path, "a") else { fatalError("\(path): \(String(cString: strerror(errno)))") }
  defer { fclose(file) }
  // One write of a short line at the end of a file: lines of tests side by side stay whole.
  fputs("\(operation)\t\(share)\t\(error)\n", file)
}

extension WorstError {
  /// Adds this error to the table of `recordError`.
  public func record(_ operation: String) { recordError(operation, share: ratio, error: error) }
}
