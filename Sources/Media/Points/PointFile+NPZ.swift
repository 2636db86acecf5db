import CDigestSupport
import Foundation
import MultimodalPathway

// NPZ, NumPy's archive of arrays (numpy.savez): a zip file with an NPY file for each.

extension PointFile {
  /// Names of the array of points; of several the first is read.
  private static let pointArrays = ["points", "xyz", "pos", "coords", "coordinates", "vertices"]

  /// Reads the array of points, and if they are wanted the array of labels, which has the name that a column of labels
  /// has.
  static func readNPZ(_ scanner: inout PointScanner) throws {
    let bytes = scanner.take(scanner.remaining)
    let archive = try zipArchive(bytes, scanner)
    let names = archive.entries.keys.filter { $0.hasSuffix(".npy") }.sorted().map { String($0.dropLast(4)) }
    guard !names.isEmpty else {
      throw PointFileError.unsupportedFormat(file: scanner.file, found: "a zip archive without arrays of NumPy")
    }
    guard let points = pointArrays.first(where: names.contains) else {
      let shown = names.prefix(12).map { "'\($0)'" }.joined(separator: ", ")
      throw PointFileError.unsupportedVariant(
        file: scanner.file,
        finding: "the arrays are \(shown), expected one of \(pointArrays.joined(separator: ", "))")
    }
    let labels = try scanner.labelColumn(in: names).map { names[$0] }
    scanner.enter(try place(of: points, archive, bytes, scanner))
    try readNPY(&scanner, hasLabels: false)
    guard let labels else { return }
    scanner.enter(try place(of: labels, archive, bytes, scanner))
    try readLabels(&scanner)
  }

  private static func zipArchive(_ bytes: ArraySlice<UInt8>, _ scanner: PointScanner) throws -> ZipArchive {
    do {
      return try bytes.withUnsafeBytes { try ZipArchive($0, file: scanner.file) }
    } catch CheckpointError.malformedArchive(_, let reason) {
      throw PointFileError.unsupportedFormat(file: scanner.file, found: "a damaged zip archive (\(reason))")
    } catch CheckpointError.duplicateName(_, let name) {
      throw PointFileError.unsupportedFormat(file: scanner.file, found: "a zip archive with the name '\(name)' twice")
    }
  }

  /// The bytes of an array, whose checksum is verified.
  private static func place(
    of array: String, _ archive: ZipArchive, _ bytes: ArraySlice<UInt8>, _ scanner: PointScanner
  ) throws -> Range<Int> {
    let name = array + ".npy"
    guard let range = archive.entries[name], !archive.compressed.contains(name) else {
      throw PointFileError.unsupportedVariant(
        file: scanner.file, finding: "the array '\(array)' is compressed; save it by numpy.savez")
    }
    let place = bytes.startIndex + range.lowerBound..<bytes.startIndex + range.upperBound
    // SAFETY: zlib reads the bytes of the slice during the call.
    let found = bytes[place].withUnsafeBytes { mp_crc32($0.baseAddress, $0.count) }
    if let expected = archive.checksums[name], expected != found {
      throw scanner.malformed(
        atByte: place.lowerBound, "the checksum of the array '\(array)' is wrong; download or copy it again")
    }
    return place
  }
}
