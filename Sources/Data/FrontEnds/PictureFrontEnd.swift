import Foundation
import MultimodalPathway
import PathwayMedia

/// JPEG and PNG pictures, one view each, (3, H, W).
public struct PictureFrontEnd: FrontEnd {
  /// Resizes and normalises.
  public let preprocessor: ImagePreprocessor
  private let note: NoteHandler

  public let fileExtensions = ["jpg", "jpeg", "png"]
  public let viewCount: Int? = 1
  public var shape: [Int] { [3, preprocessor.preprocessing.size.height, preprocessor.preprocessing.size.width] }

  /// A front end with a recipe of pictures.
  public init(_ preprocessor: ImagePreprocessor, note: @escaping NoteHandler = { _ in }) {
    self.preprocessor = preprocessor
    self.note = note
  }

  /// Whether a file begins like a JPEG or PNG file.
  public func recognizes(_ file: URL) -> Bool { ImageFile.recognizes(file) }

  /// The values of the picture, (3, H, W).
  ///
  /// - Throws: `MediaError`, `MemoryError`; `DataError.notPrepared` for a size that the recipe does not take.
  public func views(of file: URL) throws -> [Float] {
    try values(ImageFile.read(file, note: note), file.relativePath)
  }

  /// The values of a picture in memory, (3, H, W).
  ///
  /// - Throws: as `views(of:)`.
  public func views(of data: Data, named name: String) throws -> [Float] {
    try values(ImageFile.decode(data, name: name, note: note), name)
  }

  private func values(_ picture: PixelImage, _ file: String) throws -> [Float] {
    try prepared(file) {
      try [Float](unsafeUninitializedCapacity: preprocessor.valueCount) { values, count in
        try preprocessor.write(picture, to: UnsafeMutableBufferPointer(rebasing: values[..<preprocessor.valueCount]))
        count = preprocessor.valueCount
      }
    }
  }

  /// The values of the picture, (1, 3, H, W), and the part of it that they show.
  ///
  /// - Throws: as `views(of:)`.
  public func preview(of file: URL) throws -> InputPreview {
    let picture = try ImageFile.read(file, note: note)
    return try prepared(file.relativePath) {
      InputPreview(
        values: try preprocessor(picture).reshaped([1] + shape), pictures: [try preprocessor.crop(picture)])
    }
  }
}

/// Calls `body`; its errors name the file.
///
/// - Throws: `DataError.notPrepared`.
func prepared<Result>(_ file: String, _ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch {
    throw DataError.notPrepared(file: file, reason: "\(error)")
  }
}
