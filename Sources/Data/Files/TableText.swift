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
      let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
      guard size <= limit else { throw TableError.tooLarge(file: path, bytes: size) }
      data = try Data(contentsOf: URL(fileURLWithPath: path))
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
