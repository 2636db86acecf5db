// XYZ, TXT, PTS, CSV: one point per line, three or more columns.

/// How the rows of a table are read, determined by its first row.
private struct ColumnLayout {
  let separator: ColumnSeparator
  /// Columns of every row.
  let count: Int
  /// The columns of x, y and z.
  let places: [Int]
  /// The column of labels; nil: they are not wanted.
  let label: Int?
  /// The line that determines the layout.
  let line: Int
}

extension PointFile {
  /// Reads columns separated by semicolons, tabs, commas, or blanks, the same in every row. Names in a first line,
  /// which may be a comment, select x, y and z; without names they are the first three. `#` and `//` begin a comment.
  /// The first line may be the number of points.
  ///
  /// - Throws: `PointFileError.malformed` with the line of anything that could shift columns: a row with another number
  ///   of columns, a missing value, a decimal comma, names without x, y and z.
  static func readColumns(_ scanner: inout PointScanner) throws {
    var announced: (count: Int, line: Int)?
    var header: (names: ColumnNames, line: Int)?
    var comment: (names: ColumnNames, line: Int)?
    var layout: ColumnLayout?
    var counter = LineCounter()
    var commas = DecimalCommas()
    var geographic: (names: ColumnNames, line: Int)?
    while let text = scanner.nextLine() {
      let line = scanner.line - 1
      let row = ColumnSeparator.trimmed(text.prefix { $0 != UInt8(ascii: "#") })
      if row.isEmpty || row.starts(with: "//".utf8) {
        if layout == nil {
          let names = commentNames(text)
          if names.coordinates != nil { comment = (names, line) }
          if names.isGeographic { geographic = (names, line) }
        }
        continue
      }
      if let known = layout {
        let fields = known.separator.fields(tabbed(text, row, known.separator))
        counter.add(fields)
        commas.add(fields)
        try add(fields, known, line, &scanner)
        continue
      }
      let separator = ColumnSeparator(row: row)
      let fields = separator.fields(tabbed(text, row, separator))
      if announced == nil, header == nil, fields.count == 1, let count = PointScanner.integer(fields[0]), count >= 0 {
        try scanner.expect(points: count, bytes: 5)
        announced = (count, line)
        continue
      }
      if header == nil {
        let separator = ColumnSeparator(header: row)
        let fields = separator.fields(tabbed(text, row, separator))
        let names = ColumnNames(fields)
        if names.coordinates != nil || !fields.contains(where: { PointScanner.number($0) != nil }) {
          guard names.coordinates != nil else { throw unnamed(fields, line, scanner) }
          header = (names, line)
          continue
        }
      }
      if separator == .comma, header == nil {
        try refuseDecimalCommas(row, line, scanner)
      }
      if header == nil, comment == nil, let geographic, geographic.names.names.count == fields.count {
        throw PointFileError.malformed(
          file: scanner.file, at: .line(geographic.line), finding: ColumnNames.anglesFinding)
      }
      let known = try chosen(separator, fields, header, comment, line, &scanner)
      layout = known
      counter.add(fields)
      commas.add(fields)
      try add(fields, known, line, &scanner)
      if header == nil { noteNumbers(fields, line, &scanner) }
    }
    if let announced, announced.count != scanner.pointCount {
      throw PointFileError.malformed(
        file: scanner.file, at: .line(announced.line),
        finding: "\(announced.count) points are declared, \(scanner.pointCount) follow")
    }
    guard let layout, header == nil else { return }
    if layout.separator == .comma, commas.isFound {
      throw PointFileError.malformed(
        file: scanner.file, at: .line(layout.line),
        finding: "the numbers have decimal commas, and commas separate them; write decimal points")
    }
    if layout.count > 3, counter.isIndex, layout.places == [0, 1, 2] {
      throw PointFileError.malformed(
        file: scanner.file, at: .line(layout.line),
        finding: "the first of \(layout.count) columns counts the lines; name the columns x, y and z in a first line, "
          + "or remove it")
    }
    if layout.count > 3, counter.isDoubtful, layout.places == [0, 1, 2] {
      scanner.note(
        "the first of \(layout.count) columns may be a line number; it is read as x: if it is not, name the columns in "
          + "a first line")
    }
    let lines = scanner.pointCount
    if lines <= 16, layout.count > 16 {
      throw PointFileError.malformed(
        file: scanner.file, at: .line(layout.line),
        finding: "\(lines) lines of \(layout.count) numbers each, expected one point per line; transpose the table")
    }
    if lines == 3, layout.count > 3 {
      scanner.note("3 lines of \(layout.count) numbers are read as 3 points; transpose the table if it has more")
    }
  }

  /// Blanks at the beginning of a line are indentation; in a table with tabs, a tab there makes an empty field.
  private static func tabbed(
    _ text: ArraySlice<UInt8>, _ row: ArraySlice<UInt8>, _ separator: ColumnSeparator
  ) -> ArraySlice<UInt8> {
    separator == .tab ? text.prefix { $0 != UInt8(ascii: "#") } : row
  }

  /// The names in a comment like `# x y z` or `//X Y Z`.
  private static func commentNames(_ text: ArraySlice<UInt8>) -> ColumnNames {
    let words = ColumnSeparator.trimmed(ColumnSeparator.trimmed(text).drop { "#/".utf8.contains($0) })
    return ColumnNames(ColumnSeparator(header: words).fields(words))
  }

  private static func chosen(
    _ separator: ColumnSeparator, _ fields: [ArraySlice<UInt8>], _ header: (names: ColumnNames, line: Int)?,
    _ comment: (names: ColumnNames, line: Int)?, _ line: Int, _ scanner: inout PointScanner
  ) throws -> ColumnLayout {
    if let (names, line) = header, let places = names.coordinates {
      return ColumnLayout(
        separator: separator, count: names.names.count, places: places,
        label: try scanner.labelColumn(in: names.names), line: line)
    }
    // A comment with names of columns may be prose that mentions them.
    if let (names, line) = comment, let places = names.coordinates,
      names.names.count == fields.count || names.areAllKnown
    {
      return ColumnLayout(
        separator: separator, count: names.names.count, places: places,
        label: try scanner.labelColumn(in: names.names), line: line)
    }
    guard fields.count >= 3, fields.count > 3 || fields.last?.isEmpty == false else {
      let text = fields.map { String(decoding: $0.prefix(20), as: UTF8.self) }.joined(separator: " ")
      throw PointFileError.malformed(
        file: scanner.file, at: .line(line), finding: "'\(text)', expected the three coordinates of a point")
    }
    let count = fields.last?.isEmpty == true ? fields.count - 1 : fields.count
    return ColumnLayout(
      separator: separator, count: count, places: [0, 1, 2], label: try scanner.labelColumn(ofUnnamed: count),
      line: line)
  }

  private static func add(
    _ fields: [ArraySlice<UInt8>], _ layout: ColumnLayout, _ line: Int, _ scanner: inout PointScanner
  ) throws {
    // A separator may end the line.
    guard fields.count == layout.count || (fields.count == layout.count + 1 && fields.last?.isEmpty == true) else {
      throw PointFileError.malformed(
        file: scanner.file, at: .line(line),
        finding: "\(fields.count) columns, expected \(layout.count) as in line \(layout.line)")
    }
    var values = (0.0, 0.0, 0.0)
    values.0 = try scanner.coordinate(fields[layout.places[0]], "x", line: line)
    values.1 = try scanner.coordinate(fields[layout.places[1]], "y", line: line)
    values.2 = try scanner.coordinate(fields[layout.places[2]], "z", line: line)
    try scanner.add(values.0, values.1, values.2)
    if let label = layout.label {
      let field = fields[label]
      try scanner.add(
        label: PointScanner.number(field), text: String(decoding: field.prefix(40), as: UTF8.self))
    }
  }

  private static func unnamed(_ fields: [ArraySlice<UInt8>], _ line: Int, _ scanner: PointScanner) -> PointFileError {
    if ColumnNames(fields).isGeographic {
      return .malformed(file: scanner.file, at: .line(line), finding: ColumnNames.anglesFinding)
    }
    let names = fields.prefix(12).map { "'\(String(decoding: $0.prefix(20), as: UTF8.self))'" }
    return .malformed(
      file: scanner.file, at: .line(line),
      finding: "the columns are named \(names.joined(separator: ", ")), expected x, y and z among them once each, "
        + "or numbers; begin a comment with #")
  }

  private static func refuseDecimalCommas(_ row: ArraySlice<UInt8>, _ line: Int, _ scanner: PointScanner) throws {
    let finding =
      DecimalCommas.areBetweenBlanks(row)
      ? "the numbers have decimal commas; write decimal points"
      : hasDecimalCommas(row) ? "only every other comma is followed by a blank; write decimal points" : nil
    if let finding { throw PointFileError.malformed(file: scanner.file, at: .line(line), finding: finding) }
  }

  /// Whether a row is like `1,5, 2,5, 3,5`: commas within numbers as well as between them.
  private static func hasDecimalCommas(_ row: ArraySlice<UInt8>) -> Bool {
    let isSeparating = row.indices.dropLast().filter { row[$0] == UInt8(ascii: ",") }.map { row[$0 + 1] == 0x20 }
    return isSeparating.count >= 5 && isSeparating.enumerated().allSatisfy { $1 == !$0.isMultiple(of: 2) }
  }

  /// pandas names unnamed columns 0, 1, 2, which looks like a point.
  private static func noteNumbers(_ fields: [ArraySlice<UInt8>], _ line: Int, _ scanner: inout PointScanner) {
    let isCount = fields.enumerated().allSatisfy { PointScanner.integer($1) == $0 }
    guard isCount else { return }
    scanner.note("line \(line) is 0, 1, 2: it is read as a point; remove it if these are names of columns")
  }
}
