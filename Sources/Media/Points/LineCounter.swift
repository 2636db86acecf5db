/// Whether the first of more than three unnamed columns is a line number instead of x.
///
/// It is certain for whole numbers, next to coordinates with decimals, that increase or decrease by one step or are a
/// permutation of a range. It is doubtful for other numbers with one step (times, or x of a profile) and for other
/// distinct whole numbers.
struct LineCounter {
  private var count = 0
  private var first = 0.0
  private var step = 0.0
  private var hasStep = true
  private var isWhole = true
  private var seen: Set<Int> = []

  /// Lines whose numbers are stored.
  private static let remembered = 4096

  mutating func add(_ fields: [ArraySlice<UInt8>]) {
    guard hasStep || isWhole, fields.count > 3 else { return }
    let number = isWhole ? PointScanner.integer(fields[0]) : nil
    isWhole = isWhole && fields[1].contains(UInt8(ascii: "."))
    if let number, isWhole, count < Self.remembered { isWhole = seen.insert(number).inserted }
    if number == nil { isWhole = false }
    if hasStep { addStep(PointScanner.number(fields[0]) ?? .nan) }
    count += 1
  }

  mutating func add(_ value: Double) {
    isWhole = false
    if hasStep { addStep(value) }
    count += 1
  }

  private mutating func addStep(_ value: Double) {
    switch count {
    case 0: first = value
    case 1:
      step = value - first
      hasStep = step != 0 && step.isFinite
    default: hasStep = (value - first - Double(count) * step).magnitude <= 1e-3 * step.magnitude
    }
  }

  /// Whether it is certainly a line number.
  var isIndex: Bool {
    guard isWhole, count >= 8 else { return false }
    if hasStep { return true }
    guard count == seen.count, let lowest = seen.min(), let highest = seen.max() else { return false }
    return highest.subtractingReportingOverflow(lowest).partialValue == count - 1
  }

  /// Whether it increases or decreases by one step.
  var isProgression: Bool { hasStep && count >= 8 }

  /// Whether it may be a line number.
  var isDoubtful: Bool { count >= 8 && (hasStep || isWhole) }
}

/// Whether rows like `0,1257,-0,1321,0,3202` have commas within their numbers as well as between them: whole numbers,
/// every second one without a sign, and some that are not valid by themselves, `-0` and `0321`.
struct DecimalCommas {
  private var isPossible = true
  private var hasEvidence = false

  mutating func add(_ fields: [ArraySlice<UInt8>]) {
    guard isPossible else { return }
    isPossible = fields.count >= 6 && fields.count.isMultiple(of: 2)
    let zero = UInt8(ascii: "0")
    for (place, field) in fields.enumerated() where isPossible {
      let isSigned = field.first == UInt8(ascii: "-")
      let digits = isSigned ? field.dropFirst() : field
      isPossible = !digits.isEmpty && digits.allSatisfy { (zero...zero + 9).contains($0) }
      let isLong = digits.first == zero && digits.count > 1
      if place.isMultiple(of: 2) {
        isPossible = isPossible && !isLong
        hasEvidence = hasEvidence || (isSigned && digits.elementsEqual([zero]))
      } else {
        isPossible = isPossible && !isSigned
        hasEvidence = hasEvidence || isLong
      }
    }
  }

  var isFound: Bool { isPossible && hasEvidence }

  /// Whether a row is like `1,5 2,5 3,5`: numbers with decimal commas, separated by blanks.
  static func areBetweenBlanks(_ row: ArraySlice<UInt8>) -> Bool {
    let fields = ColumnSeparator.space.fields(row)
    return fields.count >= 3
      && fields.allSatisfy { field in
        field.contains(0x2C) && !field.contains(0x2E)
          && PointScanner.number(ArraySlice(field.map { $0 == 0x2C ? 0x2E : $0 })) != nil
      }
  }
}
