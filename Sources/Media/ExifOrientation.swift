import MultimodalPathway

extension ImageOrientation {
  /// The orientation in the metadata of a file; upright if it is missing or invalid, as in Pillow.
  ///
  /// - Parameters:
  ///   - exif: a TIFF structure, with or without "Exif\0\0" before it.
  ///   - xmp: used if the Exif data have no orientation.
  init(exif: [UInt8], xmp: [UInt8]) {
    let value = Self.exifValue(exif) ?? Self.xmpValue(xmp)
    self = value.flatMap(ImageOrientation.init(rawValue:)) ?? .topLeft
  }

  /// Tag 274 of image file directory 0 (TIFF 6.0, section 2), or nil.
  ///
  /// Follows Pillow in broken structures: the first entry of a tag is used, an entry whose data cannot be in the file
  /// is skipped, one whose data are cut ends the directory.
  private static func exifValue(_ exif: [UInt8]) -> Int? {
    var bytes = exif[...]
    for _ in 0..<2 where bytes.starts(with: Self.exifPrefix) { bytes = bytes.dropFirst(Self.exifPrefix.count) }
    guard let tiff = TIFFReader(Array(bytes)), let count = tiff.integer(at: tiff.directory, bytes: 2) else {
      return nil
    }
    var outOfLine = 0
    for entry in 0..<count {
      let start = tiff.directory + 2 + 12 * entry
      guard let tag = tiff.integer(at: start, bytes: 2), let type = tiff.integer(at: start + 2, bytes: 2),
        let values = tiff.integer(at: start + 4, bytes: 4), let offset = tiff.integer(at: start + 8, bytes: 4)
      else { return nil }
      guard let unit = TIFFReader.unitSizes[type] else { continue }
      let size = values * unit
      var position = start + 8
      if size > 4 {
        outOfLine += size
        if outOfLine > tiff.count { continue }
        if offset + size > tiff.count { return nil }
        position = offset
      }
      guard tag == 274, size > 0 else { continue }
      // The integer types; Pillow ignores byte strings and texts.
      return [3, 4, 6, 8, 9, 13, 16].contains(type) ? tiff.integer(at: position, bytes: unit) : 0
    }
    return nil
  }

  static let exifPrefix: [UInt8] = Array("Exif\0\0".utf8)

  /// The digit after the first `tiff:Orientation="` or `tiff:Orientation>` that is followed by one.
  private static func xmpValue(_ xmp: [UInt8]) -> Int? {
    let name = Array("tiff:Orientation".utf8)
    var rest = xmp[...]
    while let start = rest.firstRange(of: name) {
      rest = rest[start.upperBound...]
      let separators = [Array("=\"".utf8), Array(">".utf8)]
      guard let separator = separators.first(where: { rest.starts(with: $0) }) else { continue }
      if let digit = rest.dropFirst(separator.count).first, (0x30...0x39).contains(digit) { return Int(digit) - 0x30 }
    }
    return nil
  }
}

/// Bounds-checked numbers of a TIFF structure.
private struct TIFFReader {
  /// Size of one value of each field type that Pillow knows.
  static let unitSizes = [1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8]

  private let bytes: [UInt8]
  private let isBigEndian: Bool
  /// Where image file directory 0 starts.
  private(set) var directory = 0

  var count: Int { bytes.count }

  init?(_ bytes: [UInt8]) {
    // Both spellings of 42 occur with both byte orders, and Pillow accepts them.
    let magics = ["MM\0*", "II*\0", "MM*\0", "II\0*"].map { Array($0.utf8) }
    guard let magic = magics.first(where: { bytes.starts(with: $0) }) else { return nil }
    self.bytes = bytes
    isBigEndian = magic[0] == UInt8(ascii: "M")
    guard let directory = integer(at: 4, bytes: 4) else { return nil }
    self.directory = directory
  }

  func integer(at position: Int, bytes size: Int) -> Int? {
    guard position >= 0, position <= bytes.count - size else { return nil }
    let digits = bytes[position..<(position + size)]
    return (isBigEndian ? Array(digits) : digits.reversed()).reduce(0) { $0 << 8 | Int($1) }
  }
}
