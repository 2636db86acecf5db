import MultimodalPathway

/// Random operations on training pictures (RandAugment, Cubuk et al. 2020), as timm's `rand_augment_transform`.
///
/// A value has a text of timm's form, `rand-m9-mstd0.5-inc1`: `rand` and parts in any order, each with a number. An
/// absent part has its default.
public struct RandAugment: Sendable, Hashable {
  /// `m`: how strong an operation is; 10 is full effect.
  public var magnitude = 10
  /// `n`: operations drawn for a picture, with replacement.
  public var count = 2
  /// `p`: the probability that a drawn operation is applied.
  public var probability = 0.5
  /// `mstd`: standard deviation of the magnitude. Above 100 it is infinite: the magnitude is uniform from 0 to
  /// `magnitude`.
  public var deviation = 0.0
  /// `mmax`: the largest magnitude after noise.
  public var limit = 10
  /// `inc`: whether the effect of every operation grows with the magnitude. Otherwise posterizing and solarizing
  /// weaken, and colour, contrast, brightness and sharpness rise from less than the picture's to more.
  public var increases = false

  /// The defaults.
  public init() {}

  /// The value of a text of timm's form; nil: the text has a part that is unknown, out of its range or given twice.
  /// timm's sets of operations (`t`) are unknown.
  public init?(_ text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.first == "rand" else { return nil }
    var known: Set<Substring> = []
    for part in parts.dropFirst() {
      let key = part.prefix { $0.isLetter }
      guard known.insert(key).inserted, set(key, part.dropFirst(key.count)) else { return nil }
    }
  }

  /// The texts that `init(_:)` takes, in words.
  static let expected =
    "rand and any of the parts m0...100 (magnitude), n1...16 (operations of a picture), p0.001...1 (probability of "
    + "each), mstd0 or mstd0.001... (deviation of the magnitude; uniform above 100), mmax1...100 (its limit), and inc0 "
    + "or inc1 (whether effects increase with it), separated by '-', such as rand-m9-mstd0.5-inc1"

  /// Returns false where the part is unknown or its value is out of range.
  private mutating func set(_ key: Substring, _ text: Substring) -> Bool {
    // No sign, exponent or hexadecimal digits, which `Double` reads too.
    guard text.first?.isNumber == true, text.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }),
      let number = Double(text)
    else { return false }
    func whole(_ range: ClosedRange<Int>) -> Int? { Int(text).flatMap { range.contains($0) ? $0 : nil } }
    func store<Value>(_ value: Value?, _ path: WritableKeyPath<RandAugment, Value>) -> Bool {
      guard let value else { return false }
      self[keyPath: path] = value
      return true
    }
    return switch key {
    case "m": store(whole(0...100), \.magnitude)
    case "n": store(whole(1...16), \.count)
    case "p": store((0.001...1).contains(number) ? number : nil, \.probability)
    case "mstd": store(number == 0 || number >= 0.001 ? (number > 100 ? .infinity : number) : nil, \.deviation)
    case "mmax": store(whole(1...100), \.limit)
    case "inc": store(whole(0...1).map { $0 == 1 }, \.increases)
    default: false
    }
  }

  /// An operation that is applied to a picture.
  package struct Step: Sendable, Hashable {
    package let operation: PictureOperation
    package let argument: Double
  }

  /// The operations that are applied to a picture, in order.
  package func steps(_ random: inout RandomStream) -> [Step] {
    let operations = PictureOperation.allCases
    return (0..<count).map { _ in operations[random.index(below: operations.count)] }.compactMap { operation in
      guard random.unit() < probability else { return nil }
      let negative = operation.isSigned(increases: increases) && random.unit() < 0.5
      let argument = operation.argument(level: level(&random), increases: increases, negative: negative)
      return Step(operation: operation, argument: argument)
    }
  }

  private func level(_ random: inout RandomStream) -> Double {
    var level = Double(magnitude)
    if deviation == .infinity {
      level = random.uniform(0, level)
    } else if deviation > 0 {
      level += deviation * random.normal()
    }
    return max(0, min(level, Double(limit)))
  }

  /// The changed picture, of the same size.
  ///
  /// - Throws: `MemoryError`.
  package func callAsFunction(
    _ picture: PixelImage, _ sampling: PictureSampling, _ random: inout RandomStream
  ) throws -> PixelImage {
    try steps(&random).reduce(picture) { try $1.operation($0, $1.argument, sampling) }
  }
}

extension RandAugment: CustomStringConvertible {
  /// The text that `init(_:)` reads back, without parts that have their default.
  public var description: String {
    let usual = RandAugment()
    var parts = ["rand", "m\(magnitude)"]
    if count != usual.count { parts.append("n\(count)") }
    if probability != usual.probability { parts.append("p\(probability)") }
    if deviation != usual.deviation { parts.append("mstd\(deviation == .infinity ? 101 : deviation)") }
    if limit != usual.limit { parts.append("mmax\(limit)") }
    if increases { parts.append("inc1") }
    return parts.joined(separator: "-")
  }
}
