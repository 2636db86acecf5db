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
    let quotas = ControlGroups.folders(of: "cpu", groups: groups, mounts: mounts).compactMap { folder in
      folder.isVersion2
        ? version2(read(folder.path + "/cpu.max"))
        : version1(quota: read(folder.path + "/cpu.cfs_quota_us"), period: read(folder.path + "/cpu.cfs_period_us"))
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
}
