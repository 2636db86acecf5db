/// The Linux control groups that a process is in, as text files say it; nothing here touches the system.
///
/// A group's limits hold for all groups below it, so that the process's own group and its ancestors count
/// (Documentation/admin-guide/cgroup-v2.rst and cgroup-v1 of Linux).
package enum ControlGroups {
  /// A folder with a group's limits.
  package struct Folder: Equatable {
    package let path: String
    /// Version 1 has other names for the same limits.
    package let isVersion2: Bool
  }

  /// The folders of the process's group and its ancestors, in every mounted hierarchy that has the controller.
  ///
  /// - Parameters:
  ///   - controller: version 1's name of it, such as `cpu`; version 2 has one hierarchy for all.
  ///   - groups: `/proc/self/cgroup`.
  ///   - mounts: `/proc/self/mountinfo`.
  package static func folders(of controller: String, groups: String, mounts: String) -> [Folder] {
    let hierarchies = mounts.split(separator: "\n").compactMap { Hierarchy(mount: String($0), controller: controller) }
    var folders: [Folder] = []
    for line in groups.split(separator: "\n") {
      // ID:CONTROLLERS:PATH; version 2 has ID 0 and no controllers.
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let isVersion2 = parts[0] == "0" && parts[1].isEmpty
      guard isVersion2 || parts[1].split(separator: ",").contains(controller[...]) else { continue }
      for hierarchy in hierarchies where hierarchy.isVersion2 == isVersion2 {
        folders += hierarchy.folders(ofGroup: String(parts[2])).map { Folder(path: $0, isVersion2: isVersion2) }
      }
    }
    return folders
  }

  /// One mounted hierarchy of groups that has a controller.
  private struct Hierarchy {
    let isVersion2: Bool
    /// The group that is mounted.
    let root: String
    /// Where it is.
    let place: String

    /// A line of mountinfo: `36 35 0:29 ROOT PLACE OPTIONS [TAGS...] - TYPE SOURCE SUPER_OPTIONS`.
    init?(mount: String, controller: String) {
      let fields = mount.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
      guard fields.count > 6, let dash = fields.dropFirst(6).firstIndex(of: "-"), fields.count > dash + 3 else {
        return nil
      }
      switch fields[dash + 1] {
      case "cgroup2": isVersion2 = true
      case "cgroup" where fields[dash + 3].split(separator: ",").contains(controller[...]): isVersion2 = false
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
