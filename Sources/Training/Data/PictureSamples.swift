import Foundation
import MultimodalPathway
import PathwayData
import PathwayMedia

/// Pictures of classes as training reads them: decoded, varied and normalised, a pure function of file and stream.
package struct PictureSamples: Sendable {
  /// Paths of the files.
  package let paths: [String]
  /// The class of each file.
  package let labels: [Int]
  /// nil: as for inference.
  private let augmentation: PictureAugmentation?
  private let randAugment: RandAugment?
  private let erasing: RandomErasing?
  private let preprocessor: ImagePreprocessor
  private let note: NoteHandler

  /// - Parameter preprocessing: the model's recipe for pictures.
  /// - Throws: `ImagePreprocessingError` where the recipe cannot be followed.
  package init(
    _ folders: ClassFolders, _ preprocessing: ImagePreprocessing, _ recipe: Recipe,
    note: @escaping NoteHandler = { _ in }
  ) throws {
    (paths, labels, self.note) = (folders.paths, folders.labels, note)
    randAugment = recipe.randAugment
    erasing = recipe.erase > 0 ? RandomErasing(probability: recipe.erase) : nil
    guard recipe.augmentation == .crop else {
      augmentation = nil
      preprocessor = try ImagePreprocessor(preprocessing)
      return
    }
    augmentation = PictureAugmentation(
      size: preprocessing.size, filter: preprocessing.filter, smallestShare: recipe.cropScale, flip: recipe.flip)
    // What is left to do with a picture of the model's size: its numbers.
    var numbers = preprocessing
    numbers.geometry = .huggingFace(.none, crops: false)
    preprocessor = try ImagePreprocessor(numbers)
  }

  /// Floats of a picture, 3 H W.
  package var valueCount: Int { preprocessor.valueCount }

  /// Writes a sample's values, (3, H, W).
  ///
  /// - Throws: `MediaError`, `MemoryError`; `DataError.notPrepared`.
  package func write(_ sample: Int, _ random: RandomStream, to values: UnsafeMutableBufferPointer<Float>) throws {
    let file = URL(fileURLWithPath: paths[sample])
    let picture = try ImageFile.read(file, note: note)
    var random = random
    do {
      let varied = try augmentation.map { try $0(picture, &random) } ?? picture
      let sampling = PictureSampling(preprocessor.preprocessing)
      try preprocessor.write(randAugment.map { try $0(varied, sampling, &random) } ?? varied, to: values)
      erasing?(values, size: preprocessor.preprocessing.size, &random)
    } catch {
      throw DataError.notPrepared(file: paths[sample], reason: "\(error)")
    }
  }
}
