import Foundation

extension ImageFile {
  /// Whether a file is a JPEG or PNG picture by its first bytes, whatever its name.
  ///
  /// False for what is not a regular file or cannot be read: nothing is waited for.
  public static func recognizes(_ file: URL) -> Bool {
    let path = file.resolvingSymlinksInPath()
    guard (try? path.resourceValues(forKeys: [.isRegularFileKey]))?.isRegularFile == true,
      let handle = try? FileHandle(forReadingFrom: path)
    else { return false }
    defer { try? handle.close() }
    guard let start = try? handle.read(upToCount: 16) else { return false }
    switch ImageFormat(firstBytes: start) {
    case .jpeg, .png: return true
    default: return false
    }
  }
}
