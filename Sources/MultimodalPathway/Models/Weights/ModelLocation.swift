import Foundation
import PathwayCheckpoints

/// Where a model is: a directory that holds `config.json` and weights, or a file of weights with or without a
/// `config.json` in the same directory.
package struct ModelLocation: Sendable {
  package let url: URL
  package let isDirectory: Bool

  package init(_ url: URL) {
    self.url = url
    isDirectory = url.isExistingDirectory
  }

  /// The directory itself, or the one that holds the file. A symbolic link to a file counts where the link is.
  package var directory: URL { isDirectory ? url : url.deletingLastPathComponent() }

  package var configurationFile: URL { directory.appendingPathComponent("config.json") }

  /// The text of the model's configuration and what errors call it: a lone file's own, which is in its metadata, else
  /// `config.json`; nil where there is neither.
  ///
  /// - Throws: `ConfigurationError.malformed` where `config.json` cannot be read.
  func configuration(of checkpoint: Checkpoint) throws -> (text: Data, name: String)? {
    if !isDirectory, let text = checkpoint.metadata[ModelWeights.configurationKey] {
      return (Data(text.utf8), "\(url.path) (metadata)")
    }
    let file = configurationFile
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    return (try ConfigurationFile.contents(of: file), file.path)
  }
}
