import Foundation

enum ProcessThreads {
  /// OMP_NUM_THREADS, else 2, as the peers are run.
  static let count = ProcessInfo.processInfo.environment["OMP_NUM_THREADS"].flatMap { Int($0) } ?? 2
}
