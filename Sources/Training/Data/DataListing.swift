import Foundation
import MultimodalPathway
import PathwayData

/// What identifies training data: classes, files and their sizes.
package enum DataListing {
  /// SHA-256 of a text with a line for every class and every file: its class, its size in bytes, and its path in the
  /// directory.
  ///
  /// - Parameter root: the directory that was listed.
  /// - Throws: `CheckpointError.unreadable` where libcrypto refuses.
  package static func digest(of folders: ClassFolders, in root: String) throws -> String {
    let prefix = URL(fileURLWithPath: root).path + "/"
    var text = folders.classes.map { "class \($0)\n" }.joined()
    for (path, label) in zip(folders.paths, folders.labels) {
      let file = URL(fileURLWithPath: path).path
      // A file that is gone by now has no size; reading it will say so.
      let size = try? FileManager.default.attributesOfItem(atPath: file)[.size] as? Int
      text += "\(label) \(size ?? -1) \(file.hasPrefix(prefix) ? String(file.dropFirst(prefix.count)) : file)\n"
    }
    return try FileDigest.sha256(of: Data(text.utf8))
  }
}
