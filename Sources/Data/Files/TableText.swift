import Foundation

/// The text of a table of comma-separated values.
enum TableText {
  /// Most bytes of a list of classes.
  static let mostClassBytes = 32 << 20
  /// Most bytes of a list of files: AudioSet's two million segments have 100 MB.
  static let mostManifestBytes = 512 << 20

  /// Reads a file in UTF-8, without a byte order mark.
  ///
  /// - Throws: `TableError.unreadable`, `.tooLarge`, `.encoding`.
  static func read(_ path: String, limit: Int) throws(TableError) -> String {
    let data: Data
    do {
      let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
      var status = stat()
      fstat(file.fileDescriptor, &status)
      guard status.st_mode & S_IFMT != S_IFCHR else {
        throw TableError.unreadable(file: path, reason: "it is a device")
      }
      guard status.st_size <= limit else { throw TableError.tooLarge(file: path, bytes: Int(status.st_size)) }
      // A pipe has no size.
      data = try file.read(upToCount: limit + 1) ?? Data()
      guard data.count <= limit else { throw TableError.tooLarge(file: path, bytes: data.count) }
    } catch let error as TableError {
      throw error
    } catch {
      throw .unreadable(file: path, reason: error.localizedDescription)
    }
    guard let text = String(data: data, encoding: .utf8) else {
      throw .encoding(file: path, isUTF16: data.starts(with: [0xFF, 0xFE]) || data.starts(with: [0xFE, 0xFF]))
    }
    return text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text
  }
}
