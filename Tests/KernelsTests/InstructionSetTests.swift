import CSupport
import Foundation
import PathwayKernels
import Testing

/// The list of instruction sets and its derivations.
@Suite struct InstructionSetTests {
  private static let features = Int(UInt32.max)

  @Test func namesAndRanksAreUnique() {
    let sets = InstructionSet.allCases
    #expect(Set(sets.map(\.name)).count == sets.count)
    #expect(Set(sets.map(\.rank)).count == sets.count)
    #expect(sets.map(\.rank) == sets.map(\.rank).sorted())
  }

  @Test func everySetIsFoundByItsName() {
    for set in InstructionSet.allCases { #expect(InstructionSet(rawValue: set.rawValue)?.name == set.name) }
    #expect(InstructionSet(rawValue: "mmx") == nil && InstructionSet(rawValue: "") == nil)
  }

  @Test func baselineRequiresNothing() {
    #if arch(arm64)
      #expect(InstructionSet.available(features: 0) == [.baseline, .neon])
    #else
      #expect(InstructionSet.available(features: 0) == [.baseline])
    #endif
    #expect(InstructionSet.available(features: Self.features) == InstructionSet.allCases)
  }

  /// A processor that lacks any feature of a set cannot run it.
  @Test(arguments: InstructionSet.allCases)
  func everyFeatureIsRequired(_ set: InstructionSet) {
    #expect(InstructionSet.available(features: set.required).contains(set))
    for bit in 0..<32 where set.required >> bit & 1 == 1 {
      #expect(!InstructionSet.available(features: Self.features & ~(1 << bit)).contains(set), "bit \(bit)")
    }
  }

  #if arch(x86_64)
    @Test func featuresSelectSets() {
      let avx2 = mp_cpu_avx2 | mp_cpu_fma | mp_cpu_f16c
      let avx512 = avx2 | mp_cpu_avx512f | mp_cpu_avx512bw | mp_cpu_avx512dq | mp_cpu_avx512vl
      #expect(InstructionSet.available(features: avx2) == [.baseline, .avx2])
      #expect(InstructionSet.available(features: avx2 | mp_cpu_avxvnni) == [.baseline, .avx2, .avxvnni])
      #expect(InstructionSet.available(features: avx512) == [.baseline, .avx2, .avx512])
      let vnni = avx512 | mp_cpu_avx512vnni
      #expect(InstructionSet.available(features: vnni) == [.baseline, .avx2, .avx512, .avx512vnni])
    }

    /// A processor with slow products of bfloat16 does without them, and keeps its own of int8.
    @Test func slowProductsAreNotChosen() {
      let pairs: [(InstructionSet, InstructionSet)] = [
        (.avx2, .avx2), (.avxvnni, .avxvnni), (.avx512vnni, .avx512vnni), (.avx512bf16, .avx512vnni),
      ]
      for (set, slower) in pairs {
        #expect(InstructionSet.usual(features: set.required, hasSlowBFloat16: false) == set)
        #expect(InstructionSet.usual(features: set.required, hasSlowBFloat16: true) == slower)
      }
      #expect(InstructionSet.available.contains(.usual))
    }
  #endif

  /// Emulated products come from the set that this one extends, or are multiply-adds of float32.
  @Test func setsWithoutProductsOfBFloat16SaySo() {
    #expect(InstructionSet.allCases.filter { !$0.emulates(.bfloat16) }.allSatisfy { $0.name.hasSuffix("bf16") })
    #expect(InstructionSet.allCases.allSatisfy { !$0.emulates(.float32) && !$0.emulates(.int8) })
  }

  /// The rows of this architecture's table below "Block sizes" in Sources/Kernels/README.md, cell by cell.
  private static func documentedRows() throws -> [[String]] {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Sources/Kernels/README.md")
    let text = try String(contentsOf: file, encoding: .utf8)
    #if arch(arm64)
      let heading = "On arm64:\n\n"
    #else
      let heading = "## Block sizes\n\n"
    #endif
    let section = try #require(text.components(separatedBy: heading).last)
    let table = try #require(section.components(separatedBy: "\n\n").first)
    return table.split(separator: "\n").dropFirst(2).map { row in
      row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
    }
  }

  @Test func everySetIsDocumentedOnce() throws {
    let names = try Self.documentedRows().map(\.first)
    #expect(names == InstructionSet.allCases.map(\.name))
  }

  @Test(arguments: InstructionSet.available)
  func theDocumentedTileIsTheKernels(_ set: InstructionSet) throws {
    let cells = try #require(try Self.documentedRows().first { $0.first == set.name })
    let kernels = set.kernels
    let columns = kernels.panelColumns
    let kBlock = Blocking(secondLevel: 1 << 20, panelColumns: columns).kBlock
    #expect(cells[1...3] == ["\(columns / 2)", "\(columns)", "\(kernels.tileRows) x \(columns)"])
    #expect(cells.last == "\(kBlock)")
  }
}
