import Foundation

/// The memory that the system lets this process have. Needs that are known are held against it before memory is taken:
/// Swift ends the process where an allocation fails.
package enum SystemMemory {
  /// What must be left for small allocations after a need that is known.
  package static let margin = 24 << 20
  /// Needs below it do not look at the system's files.
  private static let smallest = 8 << 20

  /// Checks that `bytes` more can be had, and the margin.
  ///
  /// - Throws: `MemoryError`.
  /// - Complexity: two system calls; for large needs also some small files of /proc and /sys.
  package static func require(_ bytes: Int, for purpose: MemoryError.Purpose) throws {
    guard bytes > 0 || purpose == .start else { return }
    let (wanted, overflow) = max(0, bytes).addingReportingOverflow(margin)
    guard !overflow, wanted < 1 << 62, canMap(wanted) else {
      // To start, the margin itself is what is needed.
      let isBare = bytes <= 0
      throw MemoryError(
        purpose, needed: isBare ? margin : bytes, available: addressSpaceLeft.map { max(0, isBare ? $0 : $0 - margin) })
    }
    guard bytes >= smallest else { return }
    guard let left = [groupsLeft, machineLeft].compactMap({ $0 }).min(), bytes > left else { return }
    throw MemoryError(purpose, needed: bytes, available: left)
  }

  /// The product of sizes; `Int.max` where it does not fit or a size is negative, which is more than any system has.
  package static func product(_ sizes: Int...) -> Int {
    sizes.reduce(1) { product, size in
      let (next, overflow) = product.multipliedReportingOverflow(by: size)
      return overflow || size < 0 ? .max : next
    }
  }

  /// Whether the system gives that much address space: RLIMIT_AS, RLIMIT_DATA and strict overcommit refuse it here.
  private static func canMap(_ bytes: Int) -> Bool {
    guard let trial = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | mapAnonymous, -1, 0), trial != MAP_FAILED
    else {
      return false
    }
    munmap(trial, bytes)
    return true
  }

  /// What `ulimit -v` leaves; nil without a limit.
  private static var addressSpaceLeft: Int? {
    var limit = rlimit()
    #if os(Linux)
      let read = getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
    #else
      let read = getrlimit(RLIMIT_AS, &limit)
    #endif
    guard read == 0, limit.rlim_cur < 1 << 60, let pages = text("/proc/self/statm")?.split(separator: " ").first else {
      return nil
    }
    return max(0, Int(limit.rlim_cur) - (Int(pages) ?? 0) * Int(getpagesize()))
  }

  private static var groupsLeft: Int? {
    guard let groups = text("/proc/self/cgroup"), let mounts = text("/proc/self/mountinfo") else { return nil }
    return CgroupMemory.left(groups: groups, mounts: mounts, read: text)
  }

  /// What the machine has free or can free, swap included.
  private static var machineLeft: Int? {
    text("/proc/meminfo").flatMap(available)
  }

  /// The same of `/proc/meminfo`'s text.
  package static func available(_ text: String) -> Int? {
    func bytes(_ name: String) -> Int? {
      let line = text.split(separator: "\n").first { $0.hasPrefix(name + ":") }
      return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { product($0, 1024) }
    }
    return bytes("MemAvailable").map { min($0, 1 << 60) + min(bytes("SwapFree") ?? 0, 1 << 60) }
  }

  private static func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

  #if os(Linux)
    private static let mapAnonymous = MAP_ANONYMOUS
  #else
    private static let mapAnonymous = MAP_ANON
  #endif
}

/// Memory that the system does not give, found before any of it was taken.
public struct MemoryError: CodedError, Equatable {
  /// What the memory is for, and so what makes it less.
  public enum Purpose: Sendable, Equatable {
    /// To start at all.
    case start
    /// Weights as the kernels read them, or converted ones.
    case weights
    /// Activations of a pass over `batch` inputs.
    case pass(batch: Int)
    /// Results of a pass.
    case results
    /// Decoded and normalised inputs of a batch.
    case inputs
    /// What a file holds, decoded.
    case file
    /// Reference arithmetic in Double, and factorizations.
    case verification
  }

  /// What the memory is for.
  public let purpose: Purpose
  /// Bytes that the operation needs.
  public let needed: Int
  /// Bytes that the system can still provide; nil if unknown.
  public let available: Int?

  package init(_ purpose: Purpose, needed: Int, available: Int?) {
    (self.purpose, self.needed, self.available) = (purpose, needed, available)
  }

  /// The identifier of the purpose, stable within a major version.
  public var code: String {
    switch purpose {
    case .start: "memory.start"
    case .weights: "memory.weights"
    case .pass: "memory.pass"
    case .results: "memory.results"
    case .inputs: "memory.inputs"
    case .file: "memory.file"
    case .verification: "memory.verification"
    }
  }

  /// What is needed, what there is, and what to change, on one line.
  public var description: String {
    let left = available.map { "the system gives \($0) more" } ?? "the system refuses them"
    let size = needed == .max ? "more than 2^63" : "\(needed)"
    return "\(subject) \(size) bytes of memory, \(left) (limits: ulimit -v, control groups, free memory); \(advice)"
  }

  private var subject: String {
    switch purpose {
    case .start: "starting takes"
    case .weights: "the model's weights take"
    case .pass(let batch): "a pass over a batch of \(batch) takes"
    case .results: "the results of a pass take"
    case .inputs: "the inputs of a batch take"
    case .file: "the file's content takes"
    case .verification: "the computation in float64 takes"
    }
  }

  private var advice: String {
    switch purpose {
    case .start: "raise the limit"
    case .weights: "use a narrower precision, a smaller model, or raise the limit"
    case .pass: "use a smaller batch, smaller inputs, fewer threads, or raise the limit"
    case .results: "ask for fewer results or a smaller batch, or raise the limit"
    case .inputs: "use a smaller batch, fewer views, or raise the limit"
    case .file: "use a smaller file, or raise the limit"
    case .verification: "use a smaller model or fewer inputs, or raise the limit"
    }
  }
}
