import Foundation
import MultimodalPathway
import PathwayData
import PathwayMedia
import Synchronization
import TestSupport
import Testing

/// The front ends of models: views and previews of files, and the settings of each modality.
@Suite struct FrontEndTests {
  private func engine() throws -> Engine { try Engine(threads: 1) }

  @Test func aPicturesViewIsItsPreprocessorsValues() throws {
    let c = try Inputs.pictureModel()
    let frontEnd = try c.frontEnd(engine: engine())
    let file = Fixture.url("images/cat.jpg")
    let preprocessor = try ImagePreprocessor(.usual(for: c))
    let picture = try ImageFile.read(file)
    #expect(frontEnd.shape == [3, 32, 32] && frontEnd.viewCount == 1)
    #expect(try frontEnd.views(of: file) == preprocessor(picture).float32())
    let preview = try frontEnd.preview(of: file)
    let crop = try preprocessor.crop(picture)
    #expect(preview.values.shape == [1, 3, 32, 32] && preview.pictures == [crop])
    #expect(try preview.values.float32() == frontEnd.views(of: file))
  }

  @Test func aVideosViewsAreItsClipsAndCrops() throws {
    var settings = FrontEndSettings()
    (settings.segments, settings.crops) = (2, 3)
    let c = try Inputs.videoModel()
    let frontEnd = try c.frontEnd(settings: settings, engine: engine())
    let file = Fixture.url("video/h264.mp4")
    let sampling = VideoSampling(frames: 4, rate: 2, segments: 2)
    let clips = try VideoFile(file).clips(VideoPreprocessor(.usual(for: c), sampling: sampling, crops: 3))
    #expect(frontEnd.shape == [3, 4, 16, 16] && frontEnd.viewCount == 6)
    #expect(try frontEnd.views(of: file) == clips.tensor().float32())
    let preview = try frontEnd.preview(of: file)
    #expect(preview.values.shape == [1, 3, 4, 16, 16])
    #expect(preview.pictures == [clips.images(ofView: 0)[0], clips.images(ofView: 0)[2]], "one of every tubelet")
  }

  @Test func aSoundsPreviewIsItsSpectrogram() throws {
    let frontEnd = try Inputs.soundModel().frontEnd(engine: engine())
    let file = Fixture.url("audio/tone.wav")
    let preview = try frontEnd.preview(of: file)
    let values = try preview.values.float32()
    #expect(frontEnd.viewCount == 1 && preview.values.shape == [1] + frontEnd.shape)
    #expect(try values == frontEnd.views(of: file))
    let picture = preview.pictures[0]
    #expect([picture.height, picture.width] == [32, 32] && picture.rgb.min() == 0 && picture.rgb.max() == 255)
    // Rows are time, columns are frequency. Upright, the lowest tone of the first frame is at the lower left.
    let upright = try frontEnd.upright(picture)
    #expect(upright.rgb[3 * 32 * 31] == picture.rgb[0] && upright.rgb[0] == picture.rgb[3 * 31])
  }

  @Test func aCloudsViewIsItsPreparedPoints() throws {
    let c = try Inputs.pointModel("classifier").configuration
    let points = try #require(c.points)
    let frontEnd = try c.frontEnd(engine: engine())
    try Inputs.withFolder { folder in
      let file = folder.appendingPathComponent("cloud.xyz")
      var random = SeededGenerator(seed: 4)
      let numbers = random.floats(3 * 2000)
      let lines = (0..<2000).map { "\(numbers[3 * $0]) \(numbers[3 * $0 + 1]) \(numbers[3 * $0 + 2])" }
      try Data(lines.joined(separator: "\n").utf8).write(to: file)
      let prepared = try PointPreprocessor(points, engine: engine())(PointCloud(coordinates: numbers))
      #expect(frontEnd.shape == [points.points, 3])
      #expect(try frontEnd.views(of: file) == prepared.values)
      #expect(try frontEnd.preview(of: file).pictures.isEmpty)
    }
  }

  @Test func notesOfFilesReachTheHandler() throws {
    let notes = Mutex<[MediaNote]>([])
    let frontEnd = try Inputs.soundModel().frontEnd(engine: engine()) { note in notes.withLock { $0.append(note) } }
    let file = Fixture.url("audio/containers/pipe.w64")
    _ = try frontEnd.views(of: file)
    let found = notes.withLock { $0 }
    #expect(found.contains { $0.file == file.path && $0.text.contains("its header gives no length") })
  }

  @Test(arguments: [
    (Modality.audio, DataError.Setting.segmentsAndCrops), (.points, .segmentsAndCrops), (.image, .hop), (.video, .hop),
    (.image, .channel), (.points, .channel),
  ])
  func settingsOfAnotherModalityAreErrors(_ modality: Modality, _ setting: DataError.Setting) throws {
    var settings = FrontEndSettings()
    switch setting {
    case .segmentsAndCrops: settings.crops = 3
    case .hop: settings.hop = 1
    case .channel: settings.channel = 1
    }
    var c = try Inputs.pictureModel()
    c.input = .init(modality)
    #expect(throws: DataError.notApplicable(setting, found: modality)) {
      try c.frontEnd(settings: settings, engine: engine())
    }
  }

  @Test(arguments: [0, -1, .nan, .infinity, 1e300])
  func hopsOutOfRangeAreErrors(_ hop: Double) throws {
    var settings = FrontEndSettings()
    settings.hop = hop
    let c = try Inputs.soundModel()
    #expect(throws: DataError.invalid(.hop, found: "\(hop)", expected: "0.01...86400.0 seconds")) {
      try c.frontEnd(settings: settings, engine: engine())
    }
  }

  @Test func channelsCountFromOne() throws {
    var settings = FrontEndSettings()
    settings.channel = 0
    let c = try Inputs.soundModel()
    #expect(throws: DataError.invalid(.channel, found: "0", expected: "a number from 1")) {
      try c.frontEnd(settings: settings, engine: engine())
    }
  }

  /// Errors of preprocessors, which do not know the file, name it.
  @Test func errorsOfPreparationNameTheFile() throws {
    let frontEnd = try Inputs.soundModel().frontEnd(engine: engine())
    try Inputs.withFolder { folder in
      let file = folder.appendingPathComponent("short.wav")
      try Inputs.writeSound(100, seed: 1, to: file)
      let error = #expect(throws: DataError.self) { try frontEnd.views(of: file) }
      #expect(error?.description.hasPrefix("\(file.path): 100 samples are too few") == true, "\(error as Any)")
    }
  }
}
