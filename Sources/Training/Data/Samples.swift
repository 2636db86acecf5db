import Foundation
import MultimodalPathway
import PathwayData

/// Files of one modality as training reads them: decoded, varied and normalised.
///
/// An input is a number of planes, (planes, height, width): (3, H, W) of a picture, (3 T, H, W) of a clip, one plane of
/// a spectrogram, and (1, P, 3) of a cloud.
package protocol Samples: Sendable {
  /// Paths of the files.
  var paths: [String] { get }
  /// The classes of each file, ascending; of a cloud whose points are labelled, its category.
  var labels: [[Int]] { get }
  /// Inputs that are made of a file that is read, each varied by itself.
  var repeats: Int { get }
  /// Planes of an input.
  var planes: Int { get }
  /// Height and width of a plane.
  var size: Extent { get }

  /// Writes the inputs of a file, `repeats` times `valueCount` values: a pure function of file and stream.
  ///
  /// - Parameter sample: an index of `paths`.
  /// - Throws: the error of the file's reader; `MemoryError`; `DataError.notPrepared`.
  func read(_ sample: Int, _ random: RandomStream, into values: UnsafeMutableBufferPointer<Float>) throws

  /// The same, with the part of every point that was written, (P). Files that a model answers as a whole have none: so
  /// it is by default.
  func readParts(_ sample: Int, _ random: RandomStream, into values: UnsafeMutableBufferPointer<Float>) throws -> [Int]
}

extension Samples {
  /// One.
  package var repeats: Int { 1 }
  /// Floats of an input.
  package var valueCount: Int { planes * size.height * size.width }

  /// Writes the inputs of a file, without parts.
  package func readParts(
    _ sample: Int, _ random: RandomStream, into values: UnsafeMutableBufferPointer<Float>
  ) throws -> [Int] {
    try read(sample, random, into: values)
    return []
  }
}

/// Labelled files as a model of that configuration reads them in training.
///
/// - Parameters:
///   - preprocessing: how pictures and frames are prepared; nil: as usual.
///   - note: called with notes on files, by any thread.
/// - Throws: `ImagePreprocessingError`, `AudioError`, `EngineError`.
func samples(
  _ files: any LabelledFiles, for c: VisionTransformerConfiguration, _ preprocessing: ImagePreprocessing?,
  _ recipe: Recipe, engine: Engine, note: @escaping NoteHandler
) throws -> any Samples {
  // Files are read in parallel, each by one thread.
  let one = try Engine(threads: 1, instructionSet: engine.instructionSet)
  let pictures = preprocessing ?? .usual(for: c)
  switch c.input {
  case .image: return try PictureSamples(files, pictures, recipe, note: note)
  case .audio: return SoundSamples(files, try AudioPreprocessor(c, engine: one), recipe, note: note)
  case .video(let clip): return try VideoSamples(files, clip, pictures, recipe, note: note)
  case .points(let points):
    return PointSamples(
      files, points, categories: c.parts?.categories, classCount: c.classCount, recipe, engine: one, note: note)
  }
}
