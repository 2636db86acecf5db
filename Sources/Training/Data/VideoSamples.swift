import Foundation
import MultimodalPathway
import PathwayData
import PathwayMedia

/// Videos of classes as training reads them: a random clip, of which a random part is resized to the model's size, and
/// mirrored at random; part and mirror are the same for all frames of an input. A file is decoded once for `repeats`
/// inputs, which have the same frames and parts of their own (repeated sampling, Hoffer et al. 2020, as in VideoMAE).
package struct VideoSamples: Samples {
  package let paths: [String]
  package let labels: [[Int]]
  package let repeats: Int
  package let planes: Int
  package let size: Extent
  /// nil: as for inference.
  private let augmentation: PictureAugmentation?
  private let erasing: RandomErasing?
  private let preprocessor: VideoPreprocessor
  private let note: NoteHandler

  /// - Parameters:
  ///   - clip: the model's.
  ///   - preprocessing: the model's recipe for frames.
  /// - Throws: `ImagePreprocessingError` where the recipe cannot be followed.
  package init(
    _ files: any LabelledFiles, _ clip: VisionTransformerConfiguration.Clip, _ preprocessing: ImagePreprocessing,
    _ recipe: Recipe, note: @escaping NoteHandler = { _ in }
  ) throws {
    (paths, labels, self.note) = (files.paths, files.labelSets, note)
    (repeats, planes, size) = (recipe.repeats, 3 * clip.frames, preprocessing.size)
    let sampling = VideoSampling(frames: clip.frames, rate: clip.samplingRate, rule: clip.sampling ?? .strided)
    preprocessor = try VideoPreprocessor(preprocessing, sampling: sampling)
    erasing = recipe.erase > 0 ? RandomErasing(probability: recipe.erase) : nil
    augmentation = recipe.augmentation == .crop ? PictureAugmentation(preprocessing, recipe) : nil
  }

  package func read(
    _ sample: Int, _ random: RandomStream, into values: UnsafeMutableBufferPointer<Float>
  ) throws {
    let video = try VideoFile(URL(fileURLWithPath: paths[sample]))
    video.notes.forEach(note)
    var random = random
    do {
      if let augmentation {
        try write(video, augmentation, &random, to: values)
      } else {
        let clips = try video.clips(preprocessor, note: note)
        for input in 0..<repeats { try clips.write(view: 0, to: part(input, of: values)) }
      }
    } catch let error as ImagePreprocessingError {
      throw DataError.notPrepared(file: paths[sample], reason: "\(error)")
    }
    for input in 0..<repeats { erasing?(part(input, of: values), planes: planes, size: size, &random) }
  }

  private func part(
    _ input: Int, of values: UnsafeMutableBufferPointer<Float>
  ) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(rebasing: values[input * valueCount..<(input + 1) * valueCount])
  }

  /// Writes varied inputs. If fewer frames can be decoded than were counted, the clip is chosen again among those.
  private func write(
    _ video: VideoFile, _ augmentation: PictureAugmentation, _ random: inout RandomStream,
    to values: UnsafeMutableBufferPointer<Float>
  ) throws {
    var count = video.frameCount
    let frame = preprocessor.frame
    while true {
      let clip = ClipSampling.frames(preprocessor.sampling, of: count, &random)
      let places = Dictionary(grouping: clip.indices) { clip[$0] }
      var choices: (extent: Extent, parts: [PictureAugmentation.Choice])?
      let found = try video.forEachFrame(places.keys.sorted()) { index, image in
        let chosen =
          choices
          ?? (extent: image.extent, parts: (0..<repeats).map { _ in augmentation.choice(of: image.extent, &random) })
        choices = chosen
        guard chosen.extent == image.extent else {
          throw DataError.notPrepared(
            file: video.url.path, reason: "its frames have \(chosen.extent) and \(image.extent), expected one size")
        }
        for (input, choice) in chosen.parts.enumerated() {
          let picture = try augmentation(image, choice)
          for time in places[index] ?? [] {
            frame.normalize(
              picture, to: part(input, of: values), offset: time * frame.valueCount / 3,
              channelStride: valueCount / 3)
          }
        }
      }
      guard let found else { return }
      note(
        MediaNote(
          file: video.url.path, "\(count) frames are counted, \(found) can be decoded; clips are made of these"))
      count = found
    }
  }
}
