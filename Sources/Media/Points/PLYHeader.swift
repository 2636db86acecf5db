import MultimodalPathway

/// A number format of PLY.
enum PLYType {
  case signed(Int)
  case unsigned(Int)
  case real(Int)

  init?(_ name: String) {
    switch name {
    case "char", "int8": self = .signed(1)
    case "uchar", "uint8": self = .unsigned(1)
    case "short", "int16": self = .signed(2)
    case "ushort", "uint16": self = .unsigned(2)
    case "int", "int32": self = .signed(4)
    case "uint", "uint32": self = .unsigned(4)
    case "float", "float32": self = .real(4)
    case "double", "float64": self = .real(8)
    default: return nil
    }
  }

  var size: Int {
    switch self {
    case .signed(let size), .unsigned(let size), .real(let size): size
    }
  }

  /// The number with these bits.
  func value(_ bits: UInt64) -> Double {
    switch self {
    case .signed(1): Double(Int8(truncatingIfNeeded: bits))
    case .signed(2): Double(Int16(truncatingIfNeeded: bits))
    case .signed: Double(Int32(truncatingIfNeeded: bits))
    case .unsigned: Double(bits)
    case .real(4): Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
    case .real: Double(bitPattern: bits)
    }
  }
}

/// The header of a PLY file.
struct PLYHeader {
  enum Format: String {
    case ascii
    case little = "binary_little_endian"
    case big = "binary_big_endian"
  }

  struct Property {
    let name: String
    let type: PLYType
    /// The format of the count that precedes the items of a list.
    let countType: PLYType?
  }

  struct Element {
    let name: String
    let count: Int
    var properties: [Property] = []

    /// The fewest bytes of one element.
    func smallestSize(_ format: Format) -> Int {
      properties.reduce(0) { $0 + (format == .ascii ? 2 : ($1.countType ?? $1.type).size) }
    }
  }

  let format: Format
  let elements: [Element]
  /// Bytes of the longest word.
  private static let longestName = 256

  init(_ scanner: inout PointScanner) throws {
    var format: Format?
    var elements: [Element] = []
    _ = scanner.nextLine()
    while true {
      guard let text = scanner.nextLine() else {
        throw PointFileError.truncated(file: scanner.file, finding: "the header has no end_header")
      }
      let fields = text.split { $0 == 0x20 || $0 == 0x09 }
      if ["comment", "obj_info"].contains(where: { fields.first?.elementsEqual($0.utf8) ?? false }) { continue }
      // The longest line has five words.
      let words = fields.prefix(6).map { String(decoding: $0.prefix(Self.longestName + 1), as: UTF8.self) }
      func malformed(_ expected: String) -> PointFileError {
        .malformed(
          file: scanner.file, at: .line(scanner.line - 1),
          finding: "'\(words.joined(separator: " ").scalars(60))', expected \(expected)")
      }
      guard words.allSatisfy({ $0.utf8.count <= Self.longestName && !$0.hasTooManyCombiningMarks }) else {
        throw malformed("words of at most \(Self.longestName) bytes")
      }
      switch words.first {
      case nil: continue
      case "end_header":
        guard let format else { throw malformed("a format before it") }
        self.format = format
        self.elements = elements
        return
      case "format":
        guard words.count == 3, format == nil, let known = Format(rawValue: words[1]), words[2] == "1.0" else {
          throw malformed("'format ascii 1.0', binary_little_endian or binary_big_endian, once")
        }
        format = known
      case "element":
        guard words.count == 3, let count = Int(words[2]), count >= 0 else {
          throw malformed("'element NAME COUNT'")
        }
        guard elements.count < 64 else { throw malformed("no more than 64 elements") }
        guard !elements.contains(where: { $0.name.utf8.elementsEqual(words[1].utf8) }) else {
          throw malformed("one element '\(words[1])'")
        }
        elements.append(Element(name: words[1], count: count))
      case "property":
        let isList = words.count == 5 && words[1] == "list"
        guard let name = words.last, words.count == 3 || isList, !elements.isEmpty,
          let type = PLYType(words[isList ? 3 : 1])
        else { throw malformed("'property TYPE NAME' or 'property list TYPE TYPE NAME' after an element") }
        let countType = isList ? PLYType(words[2]) : nil
        if isList, countType == nil { throw malformed("a known type for the count of a list") }
        guard elements[elements.count - 1].properties.count < 1024 else {
          throw malformed("no more than 1024 properties")
        }
        guard !elements[elements.count - 1].properties.contains(where: { $0.name.utf8.elementsEqual(name.utf8) }) else {
          throw malformed("one property '\(name)'")
        }
        elements[elements.count - 1].properties.append(Property(name: name, type: type, countType: countType))
      default: throw malformed("format, element, property, comment, obj_info or end_header")
      }
    }
  }
}
