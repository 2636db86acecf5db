import CSupport
import PathwayKernelTemplates

/// An instruction set that kernels exist for.
public struct InstructionSet: Sendable {
  /// The name that `M2PT_ISA` and `m2pt bench --isa` take.
  public let name: String
  /// Among the sets that a processor has, an engine takes the one with the highest rank. Numbers have gaps for sets
  /// between.
  package let rank: Int
  /// The features of `mp_cpu.h` that the processor must have, as a bit mask.
  package let required: Int
  private let emulated: Set<Precision>
  /// Compiled for the set: only for processors that have it.
  private let table: @Sendable () -> KernelTable

  /// - Parameters:
  ///   - emulated: the formats of `emulates`.
  ///   - table: the kernels that the set's module makes.
  init(
    _ name: String, rank: Int, requires required: Int, emulates emulated: Set<Precision> = [],
    table: @escaping @Sendable () -> KernelTable
  ) {
    self.name = name
    self.rank = rank
    self.required = required
    self.emulated = emulated
    self.table = table
  }

  /// The set's kernels, with the blocks for the caches of this processor.
  ///
  /// - Precondition: the set is `available`.
  package var kernels: KernelTable {
    precondition(Self.available.contains(self), "\(name) is not available on this processor")
    var table = table()
    table.blocking = .here(panelColumns: table.panelColumns)
    return table
  }

  /// Whether products of a format take more instructions than float32's, because the set has none for them. The format
  /// then halves the memory of weights, and costs time.
  public func emulates(_ precision: Precision) -> Bool { emulated.contains(precision) }

  /// The sets that this processor and its operating system run, by ascending rank.
  public static let available = available(features: Int(mp_cpu_features()))

  /// The set that an engine takes unless it is told another: the available one of the highest rank. On a processor whose
  /// instructions for bfloat16 take longer than float32's, it is the highest of those without them.
  public static let usual = usual(features: Int(mp_cpu_features()), hasSlowBFloat16: mp_cpu_has_slow_bf16() != 0)

  package static func usual(features: Int, hasSlowBFloat16: Bool) -> InstructionSet {
    let sets = available(features: features)
    let chosen = hasSlowBFloat16 ? sets.filter { $0.emulates(.bfloat16) } : sets
    return chosen.max() ?? .baseline
  }

  /// The sets that a processor with `features`, a bit mask as in `mp_cpu.h`, runs, by ascending rank.
  package static func available(features: Int) -> [InstructionSet] {
    allCases.filter { $0.required & ~features == 0 }
  }
}

extension InstructionSet: CaseIterable, Comparable, Hashable {
  /// Every set, by ascending rank, whether or not this processor has it.
  public static let allCases = list.sorted()

  /// Whether an engine prefers `right`.
  public static func < (left: InstructionSet, right: InstructionSet) -> Bool { left.rank < right.rank }

  /// Names tell sets apart.
  public static func == (left: InstructionSet, right: InstructionSet) -> Bool { left.name == right.name }

  /// By name.
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

extension InstructionSet: RawRepresentable, CustomStringConvertible {
  /// The name.
  public var rawValue: String { name }
  /// The name.
  public var description: String { name }

  /// The set with the given name; nil if no set has it.
  public init?(rawValue: String) {
    guard let set = Self.list.first(where: { $0.name == rawValue }) else { return nil }
    self = set
  }
}
