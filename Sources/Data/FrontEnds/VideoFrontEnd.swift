import Foundation
import MultimodalPathway
import PathwayMedia

/// Videos, in clips and crops of (3, T, H, W) each.
public struct VideoFrontEnd: FrontEnd {
  /// Chooses frames, resizes and normalises.
  public let preprocessor: VideoPreprocessor
  /// Frames of a tubelet.
  public let tubelet: Int
  private let note: NoteHandler

  public let fileExtensions = [
    "mp4", "m4v", "mov", "3gp", "mkv", "webm", "avi", "mpg", "mpeg", "ts", "ogv", "flv", "gif",
  ]
  public var viewCount: Int? { preprocessor.viewCount }
  public var shape: [Int] {
    let size = preprocessor.frame.preprocessing.size
    return [3, preprocessor.sampling.frames, size.height, size.width]
  }

  /// A front end with a recipe of clips, for a model with tubelets of `tubelet` frames.
  public init(_ preprocessor: VideoPreprocessor, tubelet: Int, note: @escaping NoteHandler = { _ in }) {
    self.preprocessor = preprocessor
    self.tubelet = tubelet
    self.note = note
  }

  /// All crops of all clips, the crops of a clip one after the other.
  ///
  /// - Throws: `VideoError`, `MemoryError`; `DataError.notPrepared` for a size that the recipe does not take.
  public func views(of file: URL) throws -> [Float] {
    let clips = try clips(file)
    let (views, count) = (preprocessor.viewCount, preprocessor.valueCount)
    return try [Float](unsafeUninitializedCapacity: views * count) { values, initialized in
      for view in 0..<views {
        let range = view * count..<(view + 1) * count
        try clips.write(view: view, to: UnsafeMutableBufferPointer(rebasing: values[range]))
        initialized = range.upperBound
      }
    }
  }

  /// The first view, with the first frame of every tubelet as its picture.
  ///
  /// - Throws: as `views(of:)`.
  public func preview(of file: URL) throws -> InputPreview {
    let clips = try clips(file)
    let images = clips.images(ofView: 0)
    let values = try Tensor(shape: [1] + shape) { try clips.write(view: 0, to: $0) }
    return InputPreview(
      values: values, pictures: (0..<preprocessor.sampling.frames / tubelet).map { images[$0 * tubelet] })
  }

  private func clips(_ file: URL) throws -> VideoClips {
    let video = try VideoFile(file)
    video.notes.forEach(note)
    do {
      return try video.clips(preprocessor, note: note)
    } catch let error as ImagePreprocessingError {
      throw DataError.notPrepared(file: file.relativePath, reason: "\(error)")
    }
  }
}
