/// The processor time that Linux control groups leave a process, as text files say it; nothing here touches the system.
///
/// A group's quota holds for all groups below it, so that the smallest of the process's own group and its ancestors
/// counts. Version 2 has it in `cpu.max`, version 1 in `cpu.cfs_quota_us` and `cpu.cfs_period_us`
/// (Documentation/admin-guide/cgroup-v2.rst and scheduler/sched-bwc.rst of Linux).
package enum CgroupQuota {
  /// Processors' worth of time, such as 1.5; nil where no group has a quota.
  ///
  /// - Parameters:
  ///   - groups: `/proc/self/cgroup`.
  ///   - mounts: `/proc/self/mountinfo`.
  ///   - read: the text of a file by its path; nil if absent.
  package static func processors(groups: String, mounts: String, read: (String) -> String?) -> Double? {
    let hierarchies = mounts.split(separator: "\n").compactMap { Hierarchy(mount: String($0)) }
    var quotas: [Double] = []
    for line in groups.split(separator: "\n") {
      // ID:CONTROLLERS:PATH; version 2 has ID 0 and no controllers.
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let isVersion2 = parts[0] == "0" && parts[1].isEmpty
      guard isVersion2 || parts[1].split(separator: ",").contains("cpu") else { continue }
      for hierarchy in hierarchies where hierarchy.isVersion2 == isVersion2 {
        quotas += hierarchy.folders(ofGroup: String(parts[2])).compactMap { folder in
          isVersion2 ? version2(read(folder + "/cpu.max"))
            : version1(quota: read(folder + "/cpu.cfs_quota_us"), period: read(folder + "/cpu.cfs_period_us"))
        }
      }
    }
    return quotas.min()
  }

  /// `200000 100000`, `max 100000`, or a quota alone, whose period is 100,000.
  private static func version2(_ text: String?) -> Double? {
    let parts = text?.split(whereSeparator: \.isWhitespace) ?? []
    return ratio(parts.first.map(String.init), parts.count > 1 ? String(parts[1]) : "100000")
  }

  /// -1 is no quota.
  private static func version1(quota: String?, period: String?) -> Double? { ratio(quota, period) }

  private static func ratio(_ quota: String?, _ period: String?) -> Double? {
    func number(_ text: String?) -> Double? {
      text.flatMap { Int64($0.filter { !$0.isWhitespace }) }.flatMap { $0 > 0 ? Double($0) : nil }
    }
    guard let quota = number(quota), let period = number(period) else { return nil }
    return quota / period
  }

  /// One mounted hierarchy of groups that has the processor's controller.
  private struct Hierarchy {
    let isVersion2: Bool
    /// The group that is mounted.
    let root: String
    /// Where it is.
    let place: String

    /// A line of mountinfo: `36 35 0:29 ROOT PLACE OPTIONS [TAGS...] - TYPE SOURCE SUPER_OPTIONS`.
    init?(mount: String) {
      let fields = mount.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
      guard fields.count > 6, let dash = fields.dropFirst(6).firstIndex(of: "-"), fields.count > dash + 3 else {
        return nil
      }
      switch fields[dash + 1] {
      case "cgroup2": isVersion2 = true
      case "cgroup" where fields[dash + 3].split(separator: ",").contains("cpu"): isVersion2 = false
      default: return nil
      }
      (root, place) = (Self.unescaped(fields[3]), Self.unescaped(fields[4]))
    }

    /// The folders of a group and its ancestors, as far as they are mounted.
    ///
    /// A path that is not below the mounted group, as containers see it when their namespace and their mount differ
    /// (`/../x`, or the host's path), has the mounted group's folder alone.
    func folders(ofGroup path: String) -> [String] {
      let mounted = root.split(separator: "/")
      let group = path.split(separator: "/")
      var rest = group.starts(with: mounted) && !group.contains("..") ? Array(group.dropFirst(mounted.count)) : []
      let base = place == "/" ? "" : place
      var folders = [base]
      while !rest.isEmpty {
        folders.append(base + "/" + rest.joined(separator: "/"))
        rest.removeLast()
      }
      return folders
    }

    /// mountinfo writes space, tab, newline and backslash as octal numbers.
    private static func unescaped(_ text: String) -> String {
      [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")].reduce(text) { text, pair in
        text.split(separator: pair.0, omittingEmptySubsequences: false).joined(separator: pair.1)
      }
    }
  }
}
