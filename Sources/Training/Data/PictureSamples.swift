import Foundation
import MultimodalPathway
import PathwayData
import PathwayMedia

/// Pictures of classes as training reads them: decoded, varied and normalised, a pure function of file and stream.
package struct PictureSamples: Samples {
  package let paths: [String]
  package let labels: [[Int]]
  package let planes = 3
  package var size: Extent { preprocessor.preprocessing.size }
  /// nil: as for inference.
  private let augmentation: PictureAugmentation?
  private let randAugment: RandAugment?
  private let erasing: RandomErasing?
  private let preprocessor: ImagePreprocessor
  private let note: NoteHandler

  /// - Parameter preprocessing: the model's recipe for pictures.
  /// - Throws: `ImagePreprocessingError` where the recipe cannot be followed.
  package init(
    _ files: any LabelledFiles, _ preprocessing: ImagePreprocessing, _ recipe: Recipe,
    note: @escaping NoteHandler = { _ in }
  ) throws {
    (paths, labels, self.note) = (files.paths, files.labelSets, note)
    randAugment = recipe.randAugment
    erasing = recipe.erase > 0 ? RandomErasing(probability: recipe.erase) : nil
    guard recipe.augmentation == .crop else {
      augmentation = nil
      preprocessor = try ImagePreprocessor(preprocessing)
      return
    }
    augmentation = PictureAugmentation(preprocessing, recipe)
    // What is left to do with a picture of the model's size: its numbers.
    var numbers = preprocessing
    numbers.geometry = .huggingFace(.none, crops: false)
    preprocessor = try ImagePreprocessor(numbers)
  }

  package func read(
    _ sample: Int, _ random: RandomStream, into values: UnsafeMutableBufferPointer<Float>
  ) throws {
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
