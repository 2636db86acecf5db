import Foundation
import MultimodalPathway
import PathwayData
import PathwayMedia

/// Sound of classes as training reads it: a window of the spectrogram from a random frame on, varied. Windows are made
/// as for inference; a recording that is shorter than a window is padded at its end.
package struct SoundSamples: Samples {
  package let paths: [String]
  package let labels: [[Int]]
  package let planes = 1
  package let size: Extent
  /// Whether a window may begin anywhere; otherwise it is the beginning, as for inference.
  private let beginsAnywhere: Bool
  private let augmentation: SoundAugmentation
  private let preprocessor: AudioPreprocessor
  private let resamples: Bool
  /// From 1; nil: the mean of all.
  private let channel: Int?
  private let note: NoteHandler

  /// - Parameter preprocessor: the model's, whose engine has one thread.
  package init(
    _ files: any LabelledFiles, _ preprocessor: AudioPreprocessor, _ recipe: Recipe,
    note: @escaping NoteHandler = { _ in }
  ) {
    (paths, labels, self.preprocessor, self.note) = (files.paths, files.labelSets, preprocessor, note)
    let (frames, bins) = (preprocessor.frames, preprocessor.bank.bins)
    size =
      preprocessor.recipe.layout == .melFirst
      ? Extent(height: bins, width: frames) : Extent(height: frames, width: bins)
    (beginsAnywhere, augmentation) = (recipe.augmentation == .crop, SoundAugmentation(preprocessor, recipe))
    (resamples, channel) = (recipe.resample, recipe.channel == 0 ? nil : recipe.channel)
  }

  package func read(
    _ sample: Int, _ random: RandomStream, into values: UnsafeMutableBufferPointer<Float>
  ) throws {
    let sound = try AudioFile.read(
      URL(fileURLWithPath: paths[sample]), rate: preprocessor.recipe.rate, resamples: resamples, channel: channel,
      note: note)
    var random = random
    do {
      try preprocessor.write(sound, to: values) { frames in
        guard beginsAnywhere, frames > preprocessor.frames else { return 0 }
        return random.index(below: frames - preprocessor.frames + 1)
      }
    } catch let error as AudioError {
      throw DataError.notPrepared(file: paths[sample], reason: "\(error)")
    }
    augmentation(values, &random)
  }
}
