import Foundation
import PathwayKernels
import Testing

@Suite struct BlockingTests {
  /// All at once; blocks of one word and one row; of sizes that divide nothing.
  static let cuts = [
    Blocking(kBlock: 1 << 20, rowBlock: 1 << 10), Blocking(kBlock: 1, rowBlock: 1), Blocking(kBlock: 2, rowBlock: 13),
    Blocking(kBlock: 37, rowBlock: 100), Blocking(kBlock: 128, rowBlock: 256),
    Blocking(kBlock: 1 << 20, rowBlock: 1 << 10, fetchesPanels: true),
    Blocking(kBlock: 37, rowBlock: 13, fetchesPanels: true),
  ]

  /// Second-level caches, and kBlock for panels of 8, 16 and 32 columns.
  static let processors: [(name: String, bytes: Int, kBlocks: [Int])] = [
    ("Haswell, 256 KiB", 256 << 10, [1024, 512, 256]),
    ("Zen 3, 512 KiB", 512 << 10, [2048, 1024, 512]),
    ("Zen 4, 1 MiB", 1 << 20, [4096, 2048, 1024]),
    ("Ice Lake server, 1.25 MiB", 1280 << 10, [5120, 2560, 1280]),
    ("Sapphire Rapids, 2 MiB", 2 << 20, [8192, 4096, 2048]),
    ("not told", 0, [4096, 2048, 1024]),
    ("less than nothing", .min, [4096, 2048, 1024]),
    ("one byte", 1, [1024, 512, 256]),
    ("all there is", .max, [16384, 8192, 4096]),
  ]

  @Test(arguments: processors)
  func followsFromTheCache(_ processor: (name: String, bytes: Int, kBlocks: [Int])) {
    for (columns, kBlock) in zip([8, 16, 32], processor.kBlocks) {
      let found = Blocking(secondLevel: processor.bytes, panelColumns: columns)
      let expected = Blocking(kBlock: kBlock, rowBlock: 256, fetchesPanels: processor.bytes > 1 << 20)
      #expect(found == expected, "\(processor.name), \(columns) columns")
    }
  }

  /// A piece of a panel takes an eighth of the cache, less at most a word per column; sums take at most an eighth.
  @Test(arguments: InstructionSet.available)
  func keepsToItsShares(_ set: InstructionSet) {
    let columns = set.kernels.panelColumns
    for size in stride(from: 256 << 10, through: 4 << 20, by: 1000) {
      let found = Blocking(secondLevel: size, panelColumns: columns)
      let piece = found.kBlock * columns * 4
      #expect(piece <= size / 8 && piece + columns * 4 > size / 8, "\(size)")
      #expect(found.rowBlock * columns * 4 <= size / 8, "\(size)")
    }
  }

  @Test(arguments: InstructionSet.available)
  func tablesHaveTheBlocksOfThisProcessor(_ set: InstructionSet) {
    let table = set.kernels
    let bytes = Cache.all.first { $0.level == 2 }?.bytes ?? 0
    #expect(table.blocking == Blocking(secondLevel: bytes, panelColumns: table.panelColumns))
  }

  /// Compared with the sizes that Linux reports, if it does.
  @Test func cachesAreThoseOfTheSystem() throws {
    #expect(Cache.all.map(\.level) == Cache.all.map(\.level).sorted())
    #expect(Set(Cache.all.map(\.level)).count == Cache.all.count && Cache.all.allSatisfy { $0.bytes > 0 })
    #if os(Linux) && arch(x86_64)
      let processors = URL(fileURLWithPath: "/sys/devices/system/cpu")
      var sizes: [Int: Set<Int>] = [:]
      for processor in 0..<ProcessInfo.processInfo.processorCount {
        for index in 0..<8 {
          let cache = processors.appendingPathComponent("cpu\(processor)/cache/index\(index)")
          func text(_ name: String) -> String? {
            (try? String(contentsOf: cache.appendingPathComponent(name), encoding: .utf8))?
              .trimmingCharacters(in: .whitespacesAndNewlines)
          }
          guard let level = text("level").flatMap({ Int($0) }), let type = text("type"), type != "Instruction",
            let size = text("size"), size.hasSuffix("K"), let kilobytes = Int(size.dropLast())
          else { continue }
          sizes[level, default: []].insert(kilobytes << 10)
        }
      }
      for cache in Cache.all {
        guard let known = sizes[cache.level] else { continue }
        #expect(known.contains(cache.bytes), "level \(cache.level): \(cache.bytes), the system has \(known)")
      }
    #endif
  }
}
