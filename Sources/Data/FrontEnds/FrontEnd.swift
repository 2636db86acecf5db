import Foundation
import MultimodalPathway
import PathwayMedia

/// Receives notes on files that are read. Called by several threads at the same time.
public typealias NoteHandler = @Sendable (MediaNote) -> Void

/// Turns files of one modality into the input of a model.
///
/// `VisionTransformerConfiguration.frontEnd(recipe:settings:engine:note:)` makes the front end of a model.
public protocol FrontEnd: Sendable {
  /// Filename extensions, in lower case and without the dot, for which directories are searched.
  var fileExtensions: [String] { get }
  /// Number of views of a file, whose answers are averaged; nil if it depends on the file.
  var viewCount: Int? { get }
  /// Shape of a view, as `VisionTransformerConfiguration.inputShape`.
  var shape: [Int] { get }

  /// Whether a file is of the kind by its content, whatever its name; false by default.
  func recognizes(_ file: URL) -> Bool

  /// All views of a file, one after the other: normalised values, a multiple of the product of `shape`.
  ///
  /// - Throws: the error of the file's reader, or `DataError`; each names the file.
  func views(of file: URL) throws -> [Float]

  /// The same of a file in memory; by default it is written to a temporary file.
  ///
  /// - Parameter name: of the file, in errors.
  func views(of data: Data, named name: String) throws -> [Float]

  /// The first view of a file, with pictures of it.
  ///
  /// - Throws: as `views(of:)`.
  func preview(of file: URL) throws -> InputPreview

  /// A picture of `preview(of:)`, or a drawing of its size, in the orientation for display; unchanged by default.
  ///
  /// - Throws: `PixelImageError`.
  func upright(_ picture: PixelImage) throws -> PixelImage
}

extension FrontEnd {
  /// Whether a file is of the kind by its content: no.
  public func recognizes(_ file: URL) -> Bool { false }
  /// All views of a file in memory, by way of a temporary file.
  ///
  /// - Throws: as `views(of:)`; `DataError.notPrepared` where the temporary file cannot be written.
  public func views(of data: Data, named name: String) throws -> [Float] {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: url) }
    do {
      try data.write(to: url)
    } catch {
      throw DataError.notPrepared(file: name, reason: "\(url.path): \(error.localizedDescription)")
    }
    return try views(of: url)
  }
  /// The picture itself.
  public func upright(_ picture: PixelImage) throws -> PixelImage { picture }
}

/// One view of a file, as values for a model and as pictures.
public struct InputPreview: Sendable {
  /// Normalised values, (1, ...).
  public let values: Tensor
  /// The view in 8 bits and in the size of the model's input, a picture for every slice of patches; empty for points.
  public let pictures: [PixelImage]

  /// A view of values, (1, ...), that shows `pictures`.
  public init(values: Tensor, pictures: [PixelImage]) {
    self.values = values
    self.pictures = pictures
  }
}
