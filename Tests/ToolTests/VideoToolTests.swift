import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// Commands on videos, run as processes.
@Suite struct VideoToolTests {
  /// A model directory with random weights: clips of 4 frames at rate 2, 16 x 16 pixels, 2 x 2 x 2 tubelets.
  static func makeModel(in folder: URL) throws -> String {
    let model = folder.appendingPathComponent("model")
    try FileManager.default.createDirectory(at: model, withIntermediateDirectories: true)
    var c = VisionTransformerConfiguration(
      architecture: "vit_test", imageSize: Extent(square: 16), patchSize: Extent(square: 8), width: 48, depth: 2,
      heads: 3)
    c.input = .video(.init(frames: 4, samplingRate: 2))
    c.hasClassToken = false
    c.pooling = .mean
    c.normalizesAfterPooling = true
    c.qkvBias = .queryAndValue
    c.classCount = 3
    c.labels = ["a", "b", "c"]
    try c.write(toDirectory: model)
    let weights = try ModelWeights.random(c, seed: 1)
    try Checkpoint(tensors: weights.tensors).write(to: model.appendingPathComponent("model.safetensors"))
    return model.path
  }

  private struct Answer: Decodable {
    struct Class: Decodable {
      var index: Int
      var probability: Double
      var logit: Float
    }
    var file: String
    var views: Int
    var classes: [Class]
  }

  private let clip = Fixture.url("video/h264.mp4").path

  private func classify(_ model: String, _ arguments: [String]) throws -> [Answer] {
    let result = try Tool.run(["classify", "--model", model, "--json"] + arguments)
    try #require(result.status == 0, "\(result.errors)")
    return try JSONDecoder().decode([Answer].self, from: Data(result.output.utf8))
  }

  @Test func scoresOfViewsAreAveraged() throws {
    try Tool.withFolder { folder in
      let path = try Self.makeModel(in: folder)
      let weights = try ModelWeights(modelAt: URL(fileURLWithPath: path))
      #expect(weights.configuration.clip?.samplingRate == 2)
      let model = try VisionTransformer(weights, engine: Engine())
      let recipe = try ImagePreprocessing.read(modelAt: URL(fileURLWithPath: path))
      #expect(recipe == .videoMAE(size: Extent(square: 16)))
      let sampling = VideoSampling(frames: 4, rate: 2, segments: 5)
      let views = try VideoFile(URL(fileURLWithPath: clip)).clips(
        VideoPreprocessor(recipe, sampling: sampling, crops: 3)
      ).tensor()
      let logits = try model(views).float32()
      var expected = [0.0, 0, 0]
      for view in 0..<15 {
        let exponentials = (0..<3).map { exp(Double(logits[3 * view + $0])) }
        for index in 0..<3 { expected[index] += exponentials[index] / exponentials.reduce(0, +) / 15 }
      }
      let options = ["--segments", "5", "--crops", "3"]
      let answers = try classify(path, options + [clip])
      // Sums of 15 softmax values of numbers below 10 in Double, each with a few roundings of 2^-53.
      #expect(answers[0].views == 15)
      for item in answers[0].classes {
        #expect(abs(item.probability - expected[item.index]) < 1e-13)
        #expect(item.logit == Float((0..<15).reduce(0.0) { $0 + Double(logits[3 * $1 + item.index]) } / 15))
      }
      // Passes of any size give the same answer; another video gives another one; a directory names its videos.
      let both = try classify(
        path, options + ["--batch", "4", "--threads", "1", clip, Fixture.url("video/hevc.mp4").path])
      #expect(both.count == 2 && both[0].classes.map(\.probability) == answers[0].classes.map(\.probability))
      #expect(both[1].classes.map(\.probability) != answers[0].classes.map(\.probability))
      #expect(try classify(path, [Fixture.url("video").path]).count == 21)
    }
  }

  @Test func timesTheStepsForAFile() throws {
    try Tool.withFolder { folder in
      let model = try Self.makeModel(in: folder)
      let result = try Tool.run(
        ["bench", "--model", model, "--runs", "2", "--input", clip, "--segments", "2", "--crops", "3"])
      #expect(result.status == 0 && result.output.contains("video, 6 views"), "\(result.errors)")
      #expect(result.output.contains("% before the first block"))
    }
  }

  @Test func namesTheFileThatIsNotAVideo() throws {
    try Tool.withFolder { folder in
      let model = try Self.makeModel(in: folder)
      let photograph = Fixture.url("real/photographs/coffee.jpg").path
      for (file, text) in [(photograph, "expected a video"), (Fixture.url("video/sound.m4a").path, "no video stream")] {
        let result = try Tool.run(["classify", "--model", model, file])
        #expect(result.status == 1 && result.errors.contains(file) && result.errors.contains(text), "\(result.errors)")
      }
      // And the other way round.
      let pictures = folder.appendingPathComponent("pictures")
      try FileManager.default.createDirectory(at: pictures, withIntermediateDirectories: true)
      let image = try PictureTests.makeModel(in: pictures)
      let result = try Tool.run(["classify", "--model", image, clip])
      #expect(result.status == 1 && result.errors.contains("expected a JPEG or PNG"), "\(result.errors)")
      let crops = try Tool.run(["classify", "--model", image, "--crops", "3", photograph])
      #expect(crops.status == 1 && crops.errors.contains("for videos"), "\(crops.errors)")
    }
  }

  @Test func paintsAStripOfFrames() throws {
    try Tool.withFolder { folder in
      let model = try Self.makeModel(in: folder)
      let output = folder.appendingPathComponent("strip.png")
      let plain = try Tool.run(["attention", "--model", model, clip, "--opacity", "0", "--output", output.path])
      #expect(plain.status == 0 && plain.output.contains("2 x 2 x 2 patches"), "\(plain.errors)")
      let strip = try ImageFile.read(output)
      #expect(strip.extent == Extent(height: 16, width: 32))
      let preprocessor = try VideoPreprocessor(
        .videoMAE(size: Extent(square: 16)), sampling: VideoSampling(frames: 4, rate: 2))
      let images = try VideoFile(URL(fileURLWithPath: clip)).clips(preprocessor).images(ofView: 0)
      for (place, frame) in [0, 2].enumerated() {
        let row = images[frame].rgb.prefix(48)
        #expect(strip.rgb[48 * place..<48 * (place + 1)].elementsEqual(row))
      }
      let painted = try Tool.run(["attention", "--model", model, clip, "--token", "1,1,0", "--output", output.path])
      #expect(painted.status == 0 && painted.output.contains("token 1,1,0"), "\(painted.errors)")
      #expect(try ImageFile.read(output) != strip)
      let beyond = try Tool.run(["attention", "--model", model, clip, "--token", "2,0,0", "--output", output.path])
      #expect(beyond.status == 1 && beyond.errors.contains("2 x 2 x 2 patches"), "\(beyond.errors)")
    }
  }

  @Test func pathwaysOfVideosVerify() throws {
    try Tool.withFolder { folder in
      let model = try Self.makeModel(in: folder)
      let other = try ModelWeights.random(ModelWeights(modelAt: URL(fileURLWithPath: model)).configuration, seed: 2)
      let auxiliary = folder.appendingPathComponent("auxiliary.safetensors")
      try Checkpoint(tensors: other.tensors).write(to: auxiliary)
      let result = try Tool.run(
        ["verify", "--target", model, "--auxiliary", auxiliary.path, "--scale", "0.5", "--input", clip])
      #expect(result.status == 0 && result.output.contains("verdict: equal"), "\(result.errors)")
    }
  }

  /// Videos in class folders become a classifier, like pictures.
  @Test func probesSortedVideos() throws {
    try Tool.withFolder { folder in
      let model = try Self.makeModel(in: folder)
      let files = ["gray": ["h264_gray.mp4"], "colour": ["h264.mp4", "hevc.mp4", "vp9.webm", "mjpeg.avi"]]
      for (name, sources) in files {
        let place = folder.appendingPathComponent("train/\(name)")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        for (index, source) in (sources + sources + sources).enumerated() {
          let copy = place.appendingPathComponent("\(index).\(source.split(separator: ".")[1])")
          try FileManager.default.copyItem(at: Fixture.url("video/\(source)"), to: copy)
        }
      }
      let output = folder.appendingPathComponent("probed").path
      let result = try Tool.run(
        [
          "probe", "--model", model, "--train", folder.appendingPathComponent("train").path, "--folds", "2", "--output",
          output,
        ])
      try #require(result.status == 0, "\(result.errors)")
      let probed = try ModelWeights(modelAt: URL(fileURLWithPath: output)).configuration
      #expect(probed.modality == .video && probed.clip?.samplingRate == 2 && probed.labels == ["colour", "gray"])
      let answers = try classify(output, [clip, Fixture.url("video/h264_gray.mp4").path])
      #expect(answers.map { $0.classes[0].index } == [0, 1])
    }
  }

  /// Files that are not libraries precede those of FFmpeg in the search path.
  @Test func missingLibrariesAreNamed() throws {
    try Tool.withFolder { folder in
      for version in 50..<80 {
        for library in ["avutil", "avcodec", "avformat", "swscale"] {
          try Data("text".utf8).write(to: folder.appendingPathComponent("lib\(library).so.\(version)"))
        }
      }
      let result = try Tool.run(
        ["classify", "--model", Self.makeModel(in: folder), clip], environment: ["LD_LIBRARY_PATH": folder.path])
      #expect(result.status != 0)
      #expect(result.errors.contains("h264.mp4: FFmpeg cannot be loaded: \(folder.path)/libavutil.so."))
    }
  }
}
