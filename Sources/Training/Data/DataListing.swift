import Foundation
import MultimodalPathway
import PathwayData

/// What identifies training data: classes, files and their sizes.
package enum DataListing {
  /// SHA-256 of a text with a line for every class and every file: its class, or classes, its size in bytes, and its
  /// path in the directory.
  ///
  /// - Parameter root: the directory that was listed, or the table of files in it.
  /// - Throws: `CheckpointError.unreadable` where libcrypto refuses.
  package static func digest(of files: any LabelledFiles, in root: String) throws -> String {
    let place = URL(fileURLWithPath: root)
    let prefix = (place.isExistingDirectory ? place : place.deletingLastPathComponent()).path + "/"
    var text = files.classes.map { "class \($0)\n" }.joined()
    for (path, labels) in zip(files.paths, files.labelSets) {
      let file = URL(fileURLWithPath: path).path
      // A file that is gone by now has no size; reading it will say so.
      let size = try? FileManager.default.attributesOfItem(atPath: file)[.size] as? Int
      let classes = labels.map { "\($0)" }.joined(separator: ";")
      text += "\(classes) \(size ?? -1) \(file.hasPrefix(prefix) ? String(file.dropFirst(prefix.count)) : file)\n"
    }
    return try FileDigest.sha256(of: Data(text.utf8))
  }
}
