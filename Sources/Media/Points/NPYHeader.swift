// The header of NPY, NumPy's array format, versions 1 to 3 (numpy/lib/format.py).

/// The header of an NPY file, parsed as the text that NumPy writes; nothing in it is evaluated.
struct NPYHeader {
  /// A field of a structured type.
  struct Field {
    let name: String
    let type: String
    /// Numbers in the field; more than one for an array.
    let count: Int
  }

  /// NumPy's type string: byte order, kind, size; empty for a structured type.
  var type = ""
  /// The fields of a structured type.
  var fields: [Field] = []
  var isFortranOrder = false
  var shape: [Int] = []

  /// A dictionary of the keys `descr`, `fortran_order` and `shape`, each once; nil for anything else.
  init?(_ text: String) {
    var parser = Parser(rest: Substring(text))
    var seen: Set<String> = []
    guard parser.skip("{") else { return nil }
    while !parser.skip("}") {
      guard let key = parser.quoted(), seen.insert(key).inserted, parser.skip(":") else { return nil }
      switch key {
      case "descr":
        if let value = parser.quoted() {
          type = value
        } else {
          guard let value = parser.fields() else { return nil }
          fields = value
        }
      case "fortran_order":
        let isTrue = parser.skip("True")
        guard isTrue || parser.skip("False") else { return nil }
        isFortranOrder = isTrue
      case "shape":
        guard let value = parser.numbers() else { return nil }
        shape = value
      default: return nil
      }
      _ = parser.skip(",")
    }
    guard seen.count == 3 else { return nil }
  }

  private struct Parser {
    var rest: Substring

    mutating func skip(_ token: String) -> Bool {
      rest = rest.drop { $0 == " " || $0 == "\n" }
      guard rest.hasPrefix(token) else { return false }
      rest = rest.dropFirst(token.count)
      return true
    }

    mutating func quoted() -> String? {
      guard skip("'") || skip("\"") else { return nil }
      let value = rest.prefix { $0 != "'" && $0 != "\"" }
      rest = rest.dropFirst(value.count)
      guard !rest.isEmpty else { return nil }
      rest = rest.dropFirst()
      return String(value)
    }

    mutating func numbers() -> [Int]? {
      guard skip("(") else { return nil }
      var values: [Int] = []
      while !skip(")") {
        _ = skip(" ")
        let digits = rest.prefix { ("0"..."9").contains($0) }
        guard let value = Int(digits), values.count < 8 else { return nil }
        rest = rest.dropFirst(digits.count)
        _ = skip("L")
        values.append(value)
        if !skip(",") {
          guard skip(")") else { return nil }
          return values
        }
      }
      return values
    }

    /// `[('x', '<f4'), ('rgb', '|u1', (3,))]`; nil for nested types.
    mutating func fields() -> [Field]? {
      guard skip("[") else { return nil }
      var fields: [Field] = []
      while !skip("]") {
        guard fields.count < 1024, skip("("), let name = quoted(), skip(","), let type = quoted() else { return nil }
        var count = 1
        if skip(","), !skip(")") {
          guard let shape = numbers(), skip(")") else { return nil }
          for size in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard !overflow, product <= 1 << 20 else { return nil }
            count = product
          }
        } else if rest.first == ")" {
          _ = skip(")")
        }
        fields.append(Field(name: name, type: type, count: count))
        _ = skip(",")
      }
      return fields.isEmpty ? nil : fields
    }
  }
}
