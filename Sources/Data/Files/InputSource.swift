import Foundation

/// A file, on disk or in memory.
public enum InputSource: Sendable {
  /// A file on disk.
  case file(URL)
  /// The bytes of a file; the name is for errors.
  case data(Data, name: String)

  /// What errors call it.
  public var name: String {
    switch self {
    case .file(let url): url.relativePath
    case .data(_, let name): name
    }
  }
}

extension FrontEnd {
  /// All views of a file, on disk or in memory, as `views(of:)`.
  ///
  /// - Throws: the error of the file's reader, or `DataError`; each names the file.
  public func views(of source: InputSource) throws -> [Float] {
    switch source {
    case .file(let url): try views(of: url)
    case .data(let data, let name): try views(of: data, named: name)
    }
  }
}
