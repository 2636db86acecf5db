import Foundation
import MultimodalPathway
import PathwayData
import PathwayTraining
import Testing

@Suite struct SoundSamplesTests {
  private func preprocessor(_ layout: AudioPreprocessing.Layout = .timeFirst) throws -> AudioPreprocessor {
    try AudioPreprocessor(Models.sound(layout), engine: Engine(threads: 1))
  }

  /// Recordings `a/0.wav` and `b/0.wav` of that many frames.
  private func files(in folder: URL, frames: Int) throws -> ClassFolders {
    for name in ["a", "b"] {
      let place = folder.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      try Models.writeSound(
        Models.samples(frames: frames), frequency: 700, seed: 3, to: place.appendingPathComponent("0.wav"))
    }
    return try ClassFolders(folder.path, SoundFrontEnd(preprocessor()))
  }

  private func windows(_ file: String, _ layout: AudioPreprocessing.Layout, hop: Int?) throws -> [[Float]] {
    let preprocessor = try preprocessor(layout)
    let frontEnd = SoundFrontEnd(preprocessor, coverage: hop.map { .sliding(hop: $0) } ?? .beginning)
    let values = try frontEnd.views(of: URL(fileURLWithPath: file))
    return stride(from: 0, to: values.count, by: preprocessor.valueCount).map {
      Array(values[$0..<$0 + preprocessor.valueCount])
    }
  }

  @Test(arguments: [AudioPreprocessing.Layout.timeFirst, .melFirst])
  func withoutAugmentationWindowsAreInferences(_ layout: AudioPreprocessing.Layout) throws {
    try Models.withFolder { folder in
      let files = try files(in: folder, frames: 60)
      var recipe = Recipe()
      recipe.augmentation = .none
      let samples = try SoundSamples(files, preprocessor(layout), recipe)
      #expect(samples.labels == [[0], [1]] && samples.valueCount == 1024)
      #expect(try Models.read(samples, 1) == windows(files.paths[1], layout, hop: nil)[0])
    }
  }

  @Test(arguments: [AudioPreprocessing.Layout.timeFirst, .melFirst])
  func aLongRecordingGivesWindowsFromAnyFrameOn(_ layout: AudioPreprocessing.Layout) throws {
    try Models.withFolder { folder in
      let files = try files(in: folder, frames: 40)
      let all = try windows(files.paths[0], layout, hop: 1)
      #expect(all.count == 9)
      let samples = try SoundSamples(files, preprocessor(layout), Recipe())
      let starts = try (0..<200).map { place in
        let window = try Models.read(samples, 0, place: place)
        return try #require(all.firstIndex(of: window), "place \(place)")
      }
      #expect(Set(starts) == Set(0..<9))
    }
  }

  @Test func aShortRecordingIsPaddedAsForInference() throws {
    try Models.withFolder { folder in
      let files = try files(in: folder, frames: 20)
      let samples = try SoundSamples(files, preprocessor(), Recipe())
      #expect(try Models.read(samples, 0, place: 7) == windows(files.paths[0], .timeFirst, hop: nil)[0])
    }
  }

  @Test func aSampleIsAFunctionOfFileAndStream() throws {
    try Models.withFolder { folder in
      let files = try files(in: folder, frames: 50)
      var recipe = Recipe()
      (recipe.frequencyMask, recipe.timeMask, recipe.noise) = (0.3, 0.3, 0.1)
      let samples = try SoundSamples(files, preprocessor(), recipe)
      let read = try (0..<20).map { try Models.read(samples, 0, place: $0) }
      #expect(Set(read).count == 20)
      for place in (0..<20).reversed() { #expect(try Models.read(samples, 0, place: place) == read[place]) }
    }
  }

  @Test func soundWithoutAFrameIsAnErrorThatNamesTheFile() throws {
    try Models.withFolder { folder in
      let files = try files(in: folder, frames: 20)
      let file = URL(fileURLWithPath: files.paths[1])
      try Models.writeSound(300, frequency: 700, seed: 3, to: file)
      let samples = try SoundSamples(files, preprocessor(), Recipe())
      #expect {
        try Models.read(samples, 1)
      } throws: { error in
        guard case DataError.notPrepared(file.path, _) = error else { return false }
        return true
      }
    }
  }
}
