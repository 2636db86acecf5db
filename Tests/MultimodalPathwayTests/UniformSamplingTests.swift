import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Frames at equal distances, for models of Something-Something, and the choice of this sampling.
@Suite struct UniformSamplingTests {
  @Test func takesFramesOverTheWholeVideo() {
    let sampling = VideoSampling(frames: 16, rate: 4, rule: .uniform)
    #expect(
      sampling.clips(frameCount: 40)
        == [[0, 2, 5, 7, 10, 12, 15, 17, 20, 22, 25, 27, 30, 32, 35, 37]])
    // transformers' default_sample_indices_fn: arange(frames) * count // frames.
    for count in 16...400 {
      #expect(sampling.clips(frameCount: count) == [(0..<16).map { $0 * count / 16 }])
    }
    // ssv2.py, mode "test": int(t x) and int(t / 2 + t x), sorted, every second one from the first or the second.
    let two = VideoSampling(frames: 16, rate: 4, segments: 2, rule: .uniform)
    for count in 16...400 {
      let tick = Double(count) / 16
      let all = ((0..<16).map { Int(tick / 2 + tick * Double($0)) } + (0..<16).map { Int(tick * Double($0)) }).sorted()
      #expect(
        two.clips(frameCount: count)
          == (0..<2).map { first in stride(from: first, to: 32, by: 2).map { all[$0] } })
    }
  }

  @Test func everyIndexIsInTheFile() {
    for frames in [1, 3, 16] {
      for segments in [1, 2, 5] {
        for count in 1...70 {
          let sampling = VideoSampling(frames: frames, rate: 4, segments: segments, rule: .uniform)
          let clips = sampling.clips(frameCount: count)
          #expect(clips.count == segments && clips.allSatisfy { $0.count == frames && $0 == $0.sorted() })
          #expect(clips.joined().allSatisfy { (0..<count).contains($0) })
        }
      }
    }
  }

  /// A small model of videos in a directory of that name, with a changed `config.json` and a processor.
  private func load(
    directory: String = "model", classes: Int = 3, sampling: VideoSampling.Rule? = nil,
    overriding overrides: ModelOverrides = ModelOverrides()
  ) throws -> ModelWeights {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    let model = folder.appendingPathComponent(directory)
    try FileManager.default.createDirectory(at: model, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var c = VisionTransformerConfiguration(
      architecture: "vit_test", imageSize: Extent(square: 8), patchSize: Extent(square: 8), width: 16, depth: 1,
      heads: 2)
    c.input = .video(.init(frames: 4, tubelet: 2, sampling: sampling))
    (c.hasClassToken, c.pooling, c.classCount) = (false, .mean, classes)
    try c.write(toDirectory: model)
    try Checkpoint(tensors: ModelWeights.random(c, seed: 1).tensors).write(
      to: model.appendingPathComponent("model.safetensors"))
    return try ModelWeights(modelAt: model, overriding: overrides)
  }

  @Test func namesAndClassesChooseIt() throws {
    #expect(try load().configuration.clip?.sampling == nil && load().notes.isEmpty)
    for name in ["videomae-base-finetuned-ssv2", "VideoMAE_SSv2", "vit-b-something-something-v2"] {
      let weights = try load(directory: name)
      #expect(weights.configuration.clip?.sampling == .uniform, "\(name)")
      #expect(weights.notes.count == 1 && weights.notes[0].contains(name), "\(weights.notes)")
    }
    #expect(try load(directory: "videomae-ssv2-finetuned-kinetics").configuration.clip?.sampling == nil)
    let counted = try load(classes: 174)
    #expect(counted.configuration.clip?.sampling == .uniform && counted.notes[0].contains("174 classes"))
    // The configuration and the caller take precedence.
    let stated = try load(directory: "ssv2", classes: 174, sampling: .strided)
    #expect(stated.configuration.clip?.sampling == .strided && stated.notes.isEmpty)
    var overrides = ModelOverrides()
    overrides.sampling = .strided
    let asked = try load(directory: "ssv2", classes: 174, sampling: .uniform, overriding: overrides)
    #expect(asked.configuration.clip?.sampling == .strided && asked.notes.isEmpty)
  }

  @Test func configurationsChooseIt() throws {
    var c = try load().configuration
    for rule in [nil, .strided, .uniform] as [VideoSampling.Rule?] {
      c.input = .video(.init(frames: 4, tubelet: 2, sampling: rule))
      #expect(try VisionTransformerConfiguration.read(json: c.timmJSON(), file: "config.json") == c)
    }
    let wrong = """
      {"architecture": "vit_tiny_patch16_224", "m2pt": {"modality": "video", "video": {"sampling": "dense"}}}
      """
    let error = #expect(throws: ConfigurationError.self) {
      try VisionTransformerConfiguration.read(json: Data(wrong.utf8), file: "config.json")
    }
    #expect(error.map { "\($0)".contains("m2pt.video.sampling") && "\($0)".contains("strided, uniform") } == true)
  }

  /// Hugging Face's processors, and the name in its `config.json`.
  @Test func processorsChooseIt() throws {
    let golden = try Checkpoint(contentsOf: Fixture.url("model/video_hugging_face_classifier.safetensors"))
    let c = try GoldenTests.configuration(golden)
    func load(_ processor: String, name: String = "x") throws -> ModelWeights {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      var config = try #require(
        try JSONSerialization.jsonObject(with: Data(golden.metadata["config"]!.utf8)) as? [String: Any])
      config["_name_or_path"] = name
      try JSONSerialization.data(withJSONObject: config).write(to: folder.appendingPathComponent("config.json"))
      let (height, width) = (c.imageSize.height, c.imageSize.width)
      let size = #""size": {"shortest_edge": 64}, "crop_size": {"height": \#(height), "width": \#(width)}"#
      try Data("{\(size)\(processor)}".utf8).write(to: folder.appendingPathComponent("video_preprocessor_config.json"))
      try GoldenTests.part(golden, "weights.").write(to: folder.appendingPathComponent("model.safetensors"))
      return try ModelWeights(modelAt: folder)
    }
    #expect(try load("").configuration.clip?.sampling == nil)
    #expect(try load(#", "do_sample_frames": false, "num_frames": 16"#).configuration.clip?.sampling == nil)
    let chosen = try load(#", "do_sample_frames": true, "num_frames": \#(c.frames)"#)
    #expect(chosen.configuration.clip?.sampling == .uniform && chosen.notes[0].contains("do_sample_frames"))
    #expect(try load("", name: "MCG-NJU/videomae-base-finetuned-ssv2").configuration.clip?.sampling == .uniform)
    #expect(throws: ConfigurationError.self) { try load(#", "do_sample_frames": true, "num_frames": 99"#) }
    let second = try load(#", "do_sample_frames": true, "fps": 2"#)
    #expect(second.preprocessing == nil && second.notes[0].contains("fps"))
  }
}
