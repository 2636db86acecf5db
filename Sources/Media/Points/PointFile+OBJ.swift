// OBJ, Wavefront's format: vertices and faces; materials, normals and textures are left out.

extension PointFile {
  static func readOBJ(_ scanner: inout PointScanner) throws {
    while let (columns, line) = scanner.nextColumns() {
      func malformed(_ finding: String) -> PointFileError {
        .malformed(file: scanner.file, at: .line(line), finding: finding)
      }
      if columns[0].elementsEqual("v".utf8) {
        let values = columns.dropFirst().prefix(3).compactMap(PointScanner.number)
        guard values.count == 3 else { throw malformed("expected 'v' and three coordinates") }
        try scanner.add(values[0], values[1], values[2])
      } else if columns[0].elementsEqual("f".utf8) {
        // Corners are VERTEX, VERTEX/TEXTURE or VERTEX/TEXTURE/NORMAL, from 1, or negative from the last one back.
        let polygon = try columns.dropFirst().map { corner in
          let text = corner.prefix { $0 != UInt8(ascii: "/") }
          guard let number = PointScanner.integer(text), number != 0 else {
            throw malformed("'\(String(decoding: corner.prefix(40), as: UTF8.self))' is no corner of a face")
          }
          let index = number > 0 ? number - 1 : scanner.pointCount &+ number
          guard index >= 0 else {
            throw malformed("a face of vertex \(number), of which there are \(scanner.pointCount)")
          }
          return index
        }
        try scanner.add(polygon: polygon)
      }
    }
  }
}
