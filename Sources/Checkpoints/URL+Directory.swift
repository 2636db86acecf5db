import Foundation

extension URL {
  /// Whether this names a directory, itself or through symbolic links; false where nothing is there.
  ///
  /// The one test of the package: `resourceValues` and a trailing slash would see a link as a file.
  package var isExistingDirectory: Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
  }
}
