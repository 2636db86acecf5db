// OBJ, Wavefront's format: vertices and faces; materials, normals and textures are ignored.

extension PointFile {
  static func readOBJ(_ scanner: inout PointScanner) throws {
    while let (columns, line) = scanner.nextColumns() {
      func malformed(_ finding: String) -> PointFileError {
        .malformed(file: scanner.file, at: .line(line), finding: finding)
      }
      if columns[0].elementsEqual("v".utf8) {
        // A weight or a colour may follow the coordinates.
        guard [4, 5, 7, 8].contains(columns.count) else {
          throw malformed("'v' and \(columns.count - 1) numbers, expected the three coordinates of a vertex")
        }
        let values = try zip(columns.dropFirst(), ["x", "y", "z"]).map {
          try scanner.coordinate($0, $1, line: line)
        }
        try scanner.add(values[0], values[1], values[2])
      } else if columns[0].elementsEqual("f".utf8) {
        // Corners are VERTEX, VERTEX/TEXTURE or VERTEX/TEXTURE/NORMAL: from 1, or negative from the last one back.
        let polygon = try columns.dropFirst().map { corner in
          let text = corner.prefix { $0 != UInt8(ascii: "/") }
          guard let number = PointScanner.integer(text), number != 0 else {
            throw malformed("'\(String(decoding: corner.prefix(40), as: UTF8.self))' is not a corner of a face")
          }
          let index = number > 0 ? number - 1 : scanner.pointCount &+ number
          guard index >= 0 else {
            throw malformed("a face of vertex \(number), with \(scanner.pointCount) vertices before it")
          }
          return index
        }
        try scanner.add(polygon: polygon)
      }
    }
  }
}
