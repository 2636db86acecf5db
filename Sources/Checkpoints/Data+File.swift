import Foundation

extension Data {
  /// The bytes of a file.
  ///
  /// Foundation leaks 4 KiB for every empty file that it reads, so empty files are not read.
  package init(bytesOf url: URL) throws {
    let file = URL(fileURLWithPath: url.path).resolvingSymlinksInPath()
    let values = try file.resourceValues(forKeys: [.isRegularFileKey, .fileSizeKey])
    let isEmpty = values.isRegularFile == true && values.fileSize == 0
    self = isEmpty ? Data() : try Data(contentsOf: url)
  }
}
