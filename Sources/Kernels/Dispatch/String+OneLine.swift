extension StringProtocol {
  /// This text fit for one line of a terminal.
  ///
  /// Characters that move the cursor, end a line, change the direction of writing or are invisible become `\u{...}`, as
  /// do marks that follow more marks than a letter has. Of a longer text, the middle is left out.
  ///
  /// - Parameter limit: the most Unicode scalars of the result, apart from the ellipsis.
  /// - Complexity: O(bytes) time, O(`limit`) memory.
  package func onOneLine(limit: Int = 2000) -> String {
    // Most texts are short and plain.
    guard utf8.count > limit || !utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else { return String(self) }
    if let whole = beginning(limit) { return whole }
    var head = ""
    append(to: &head, room: limit / 2, unicodeScalars.indices)
    return head + " ... " + ending(limit - limit / 2)
  }

  /// The escaped text; nil where it has more than `limit` scalars.
  private func beginning(_ limit: Int) -> String? {
    var line = ""
    return append(to: &line, room: limit, unicodeScalars.indices) ? line : nil
  }

  /// The end of the escaped text.
  private func ending(_ limit: Int) -> String {
    var pieces: [String] = []
    var room = limit
    for index in unicodeScalars.indices.reversed() {
      let piece = escaped(index)
      room -= piece.unicodeScalars.count
      guard room >= 0 else { break }
      pieces.append(piece)
    }
    return pieces.reversed().joined()
  }

  /// Appends the scalars at `indices` while there is room, and returns whether there is for all.
  @discardableResult
  private func append(to line: inout String, room: Int, _ indices: some Sequence<String.Index>) -> Bool {
    var room = room
    for index in indices {
      let scalar = unicodeScalars[index]
      let isPlain = (0x20...0x7E).contains(scalar.value)
      let piece = isPlain ? "" : escaped(index)
      room -= isPlain ? 1 : piece.unicodeScalars.count
      guard room >= 0 else { return false }
      if isPlain { line.unicodeScalars.append(scalar) } else { line += piece }
    }
    return true
  }

  private func escaped(_ index: String.Index) -> String {
    let scalar = unicodeScalars[index]
    return scalar.isUnfitForALine || scalar.isMark && followsMarks(index)
      ? "\\u{\(String(scalar.value, radix: 16))}" : String(Character(scalar))
  }

  /// Whether the eight scalars before the one at `index` are all marks: more than any script writes on a letter, and
  /// enough to cover the lines above.
  private func followsMarks(_ index: String.Index) -> Bool {
    var place = index
    for _ in 0..<8 {
      guard place > startIndex else { return false }
      place = unicodeScalars.index(before: place)
      guard unicodeScalars[place].isMark else { return false }
    }
    return true
  }
}

extension Unicode.Scalar {
  /// Whether a terminal does anything with it but show a glyph or a space.
  package var isUnfitForALine: Bool {
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
    default: properties.isDefaultIgnorableCodePoint
    }
  }

  fileprivate var isMark: Bool {
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark: true
    default: false
    }
  }
}
