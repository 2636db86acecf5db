/// The memory that Linux control groups leave a process, as text files say it; nothing here touches the system.
package enum CgroupMemory {
  /// Bytes that the process's groups have left, and the smallest limit; nil where no group has one.
  ///
  /// Pages of files count as left: the system takes them back where a group is at its limit.
  ///
  /// - Parameters:
  ///   - groups: `/proc/self/cgroup`.
  ///   - mounts: `/proc/self/mountinfo`.
  ///   - read: the text of a file by its path; nil if absent.
  package static func left(groups: String, mounts: String, read: (String) -> String?) -> Int? {
    ControlGroups.folders(of: "memory", groups: groups, mounts: mounts).compactMap { folder -> Int? in
      func number(_ name: String) -> Int? {
        read(folder.path + "/" + name).flatMap { Int($0.filter { !$0.isWhitespace }) }
      }
      // `max` of version 2 is no number; version 1 has a number that no machine reaches.
      guard let limit = number(folder.isVersion2 ? "memory.max" : "memory.limit_in_bytes"), limit >= 0, limit < 1 << 60,
        let used = number(folder.isVersion2 ? "memory.current" : "memory.usage_in_bytes"), used >= 0
      else { return nil }
      let files = pagesOfFiles(read(folder.path + "/memory.stat") ?? "", prefix: folder.isVersion2 ? "" : "total_")
      return max(0, limit - max(0, used - files))
    }.min()
  }

  private static func pagesOfFiles(_ text: String, prefix: String) -> Int {
    let names = ["\(prefix)inactive_file", "\(prefix)active_file"]
    return text.split(separator: "\n").reduce(0) { sum, line in
      let parts = line.split(separator: " ")
      guard parts.count == 2, names.contains(String(parts[0])), let bytes = Int(parts[1]), bytes >= 0 else {
        return sum
      }
      return min(sum, 1 << 60) + min(bytes, 1 << 60)
    }
  }
}
