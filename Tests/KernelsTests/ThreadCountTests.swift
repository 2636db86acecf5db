import Foundation
import PathwayKernels
import Testing

/// The default number of threads: environment, affinity, control groups.
@Suite struct ThreadCountTests {
  struct Group: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let groups: String
    let mounts: String
    let files: [String: String]
    let processors: Double?
  }

  static let unified = "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
  static let split = """
    31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
    32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 master:1 - cgroup cgroup rw,cpu,cpuacct
    33 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
    """
  static let version1 = "9:name=systemd:/x\n4:memory:/y\n3:cpuset:/z\n2:cpu,cpuacct:/docker/abc\n"

  static let cases: [Group] = [
    Group(
      testDescription: "no limit", groups: "0::/user.slice\n", mounts: unified,
      files: ["/sys/fs/cgroup/user.slice/cpu.max": "max 100000\n"], processors: nil),
    Group(
      testDescription: "own group", groups: "0::/a/b\n", mounts: unified,
      files: ["/sys/fs/cgroup/a/b/cpu.max": "150000 100000\n"], processors: 1.5),
    Group(
      testDescription: "an ancestor has less", groups: "0::/a/b/c\n", mounts: unified,
      files: [
        "/sys/fs/cgroup/a/b/c/cpu.max": "400000 100000", "/sys/fs/cgroup/a/b/cpu.max": "max 100000",
        "/sys/fs/cgroup/a/cpu.max": "100000 50000", "/sys/fs/cgroup/cpu.max": "max 100000",
      ], processors: 2),
    Group(
      testDescription: "a quota without a period", groups: "0::/a\n", mounts: unified,
      files: ["/sys/fs/cgroup/a/cpu.max": "50000\n"], processors: 0.5),
    Group(
      testDescription: "a container with a namespace of its own", groups: "0::/\n", mounts: unified,
      files: ["/sys/fs/cgroup/cpu.max": "300000 100000\n"], processors: 3),
    Group(
      testDescription: "a container's mount of the host's group", groups: "0::/docker/abc/inner\n",
      mounts: "30 24 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
      files: ["/sys/fs/cgroup/inner/cpu.max": "max 100000", "/sys/fs/cgroup/cpu.max": "200000 100000"], processors: 2),
    Group(
      testDescription: "a path outside of the mount", groups: "0::/../other\n", mounts: unified,
      files: ["/sys/fs/cgroup/cpu.max": "200000 100000"], processors: 2),
    Group(
      testDescription: "the host's path, another group mounted", groups: "0::/docker/abc\n",
      mounts: "30 24 0:26 /docker/abcdef /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
      files: ["/sys/fs/cgroup/cpu.max": "100000 100000"], processors: 1),
    Group(
      testDescription: "version 1", groups: version1, mounts: split,
      files: [
        "/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "250000\n",
        "/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n",
        "/sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_quota_us": "-1\n",
        "/sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_period_us": "100000\n",
        "/sys/fs/cgroup/cpuset/z/cpu.cfs_quota_us": "1\n", "/sys/fs/cgroup/cpuset/z/cpu.cfs_period_us": "1000\n",
      ], processors: 2.5),
    Group(
      testDescription: "version 1 without a quota", groups: version1, mounts: split,
      files: [
        "/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "-1\n",
        "/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n",
      ], processors: nil),
    Group(
      testDescription: "both versions", groups: version1 + "0::/u\n",
      mounts: split + "\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
      files: [
        "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "800000\n",
        "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        "/sys/fs/cgroup/unified/u/cpu.max": "700000 100000\n",
      ], processors: 7),
    Group(
      testDescription: "a mount with a space", groups: "0::/\n",
      mounts: #"30 24 0:26 / /my\040groups rw - cgroup2 cgroup2 rw"#, files: ["/my groups/cpu.max": "100000 100000"],
      processors: 1),
    Group(testDescription: "missing files", groups: "0::/a\n", mounts: unified, files: [:], processors: nil),
    Group(testDescription: "no mounts", groups: "0::/a\n", mounts: "", files: [:], processors: nil),
    Group(
      testDescription: "nonsense", groups: "0::/a\nx\n:::\n", mounts: unified + "a b\n- - - - - - - -\n",
      files: ["/sys/fs/cgroup/a/cpu.max": "many few", "/sys/fs/cgroup/cpu.max": "1 0"], processors: nil),
  ]

  @Test(arguments: cases)
  func controlGroupsAreReadFromTheirTexts(_ group: Group) {
    let found = CgroupQuota.processors(groups: group.groups, mounts: group.mounts) { group.files[$0] }
    #expect(found == group.processors)
  }

  @Test func theSmallestBoundCountsRoundedUp() {
    #expect(ThreadCount.usual(processors: 8, quota: nil, limit: nil) == 8)
    #expect(ThreadCount.usual(processors: 8, quota: 1.5, limit: nil) == 2)
    #expect(ThreadCount.usual(processors: 8, quota: 2, limit: nil) == 2)
    #expect(ThreadCount.usual(processors: 8, quota: 0.05, limit: nil) == 1)
    #expect(ThreadCount.usual(processors: 2, quota: 7, limit: nil) == 2)
    #expect(ThreadCount.usual(processors: 8, quota: 1e300, limit: nil) == 8)
    #expect(ThreadCount.usual(processors: 8, quota: 6, limit: 3) == 3)
    #expect(ThreadCount.usual(processors: 0, quota: nil, limit: nil) == 1)
    #expect(ThreadCount.usual(processors: 5000, quota: nil, limit: nil) == 1024)
  }

  @Test func theEnvironmentsNumberIsReadAsOpenMPDoes() throws {
    func usual(_ text: String) throws -> Int { try ThreadCount.usual(environment: ["OMP_NUM_THREADS": text]) }
    let unset = try ThreadCount.usual(environment: [:])
    for text in ["", " ", "\t\n"] { #expect(try usual(text) == unset) }
    for (text, count) in [("3", 3), (" 4 ", 4), ("4,2", 4), (" 5 , 2,1", 5), ("1024", 1024), ("+2", 2)] {
      #expect(try usual(text) == count, "\(text)")
    }
    for text in ["three", "0", "-1", "1025", ",2", "2.5", "4;2", "0x2", "99999999999999999999"] {
      let error = EngineError.threadVariable(name: "OMP_NUM_THREADS", found: text)
      #expect(error.description.contains("OMP_NUM_THREADS is '\(text)'"))
      #expect(throws: error) { try usual(text) }
    }
    // A team of OpenMP has at most OMP_THREAD_LIMIT threads.
    #expect(try ThreadCount.usual(environment: ["OMP_THREAD_LIMIT": "1"]) == 1)
    #expect(try ThreadCount.usual(environment: ["OMP_THREAD_LIMIT": "2147483647"]) == unset)
    #expect(throws: EngineError.threadVariable(name: "OMP_THREAD_LIMIT", found: "no")) {
      try ThreadCount.usual(environment: ["OMP_THREAD_LIMIT": "no"])
    }
  }
}
