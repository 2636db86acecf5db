import Foundation
import PathwayKernels
import Testing

/// Requests that exceed the memory of the system.
@Suite struct SystemMemoryTests {
  @Test func needsThatNoSystemMeets() throws {
    for bytes in [Int.max, 1 << 62, 1 << 47] {
      let error = try #require(#expect(throws: MemoryError.self) { try SystemMemory.require(bytes, for: .weights) })
      #expect(error.needed == bytes && error.purpose == .weights)
      #expect(
        error.description.contains(bytes == .max ? "2^63" : "\(bytes)") && error.description.contains("precision"))
    }
    #expect(throws: MemoryError.self) { try FloatBuffer(count: 1 << 60, for: .pass(batch: 3)) }
    #expect(throws: MemoryError.self) { try WeightArena().take(1 << 60) }
    try SystemMemory.require(1 << 20, for: .file)
    let buffer = try FloatBuffer(count: 3 << 20, for: .file)
    #expect((0..<buffer.count).allSatisfy { buffer.base[$0] == 0 })
  }

  @Test func products() {
    #expect(SystemMemory.product(3, 4, 5) == 60 && SystemMemory.product(0, .max) == 0)
    #expect(SystemMemory.product(.max, 2) == .max && SystemMemory.product(1 << 40, 1 << 40, 3) == .max)
    #expect(SystemMemory.product(-1, 4) == .max)
  }

  private static let unified = ThreadCountTests.unified

  @Test func controlGroups() {
    func left(_ groups: String, _ mounts: String, _ files: [String: String]) -> Int? {
      CgroupMemory.left(groups: groups, mounts: mounts) { files[$0] }
    }
    let folder = "/sys/fs/cgroup/a"
    #expect(left("0::/a\n", Self.unified, ["\(folder)/memory.max": "max\n", "\(folder)/memory.current": "5\n"]) == nil)
    let files = [
      "\(folder)/memory.max": "1000\n", "\(folder)/memory.current": "700\n",
      "\(folder)/memory.stat": "anon 400\ninactive_file 200\nactive_file 100\n",
      "\(folder)/b/memory.max": "5000", "\(folder)/b/memory.current": "600",
    ]
    #expect(left("0::/a/b\n", Self.unified, files) == 600)
    #expect(left("0::/a\n", Self.unified, ["\(folder)/memory.max": "1000", "\(folder)/memory.current": "7000"]) == 0)
    let mounts = "33 31 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" + ThreadCountTests.split
    let version1 = [
      "/sys/fs/cgroup/memory/y/memory.limit_in_bytes": "900\n",
      "/sys/fs/cgroup/memory/y/memory.usage_in_bytes": "500\n",
      "/sys/fs/cgroup/memory/y/memory.stat": "total_inactive_file 50\ntotal_active_file 50\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
      "/sys/fs/cgroup/memory/memory.usage_in_bytes": "500\n",
    ]
    #expect(left(ThreadCountTests.version1, mounts, version1) == 500)
  }

  @Test func freeMemory() {
    let text = "MemTotal:  100 kB\nMemAvailable:    40 kB\nSwapFree:  2 kB\n"
    #expect(SystemMemory.available(text) == 42 * 1024 && SystemMemory.available("MemTotal: 1 kB\n") == nil)
  }
}
