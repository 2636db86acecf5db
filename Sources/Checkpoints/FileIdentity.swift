import Foundation

/// The identity of a file, equal for two paths of one file: by its inode, or by its resolved path if it does not exist.
package struct FileIdentity: Hashable, Sendable {
  private enum Identity: Hashable, Sendable {
    case existing(device: UInt64, number: UInt64)
    case absent(path: String)
  }
  private let identity: Identity

  package init(_ url: URL) {
    var status = stat()
    if stat(url.path, &status) == 0 {
      identity = .existing(device: UInt64(status.st_dev), number: UInt64(status.st_ino))
    } else {
      identity = .absent(path: url.resolvingSymlinksInPath().standardizedFileURL.path)
    }
  }
}
