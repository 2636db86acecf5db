import Foundation

extension URL {
  /// Whether this names a directory, directly or through symbolic links; false if nothing exists there.
  ///
  /// `resourceValues` and a trailing slash would take a link for a file.
  package var isExistingDirectory: Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
  }
}
