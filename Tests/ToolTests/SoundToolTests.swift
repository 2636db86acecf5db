import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// Commands on sound, run as processes.
@Suite struct SoundToolTests {
  private struct Answer: Decodable {
    struct Class: Decodable {
      var index: Int
      var label: String
      var probability: Double
      var logit: Double
    }
    var file: String
    var views: Int
    var classes: [Class]
  }

  /// AudioMAE's golden as a model directory: windows of 64 frames, seven tags.
  func makeModel(in folder: URL) throws -> String {
    let golden = try Checkpoint(contentsOf: Fixture.url("model/audio_mae.safetensors"))
    let model = folder.appendingPathComponent("model")
    try FileManager.default.createDirectory(at: model, withIntermediateDirectories: true)
    try Data(golden.metadata["config"]!.replacingOccurrences(of: "[64, 32]", with: "[32, 32]").utf8)
      .write(to: model.appendingPathComponent("config.json"))
    let configuration = try VisionTransformerConfiguration.read(model.appendingPathComponent("config.json"))
    let weights = try ModelWeights.random(configuration, seed: 4)
    try Checkpoint(tensors: weights.tensors).write(to: model.appendingPathComponent("model.safetensors"))
    return model.path
  }

  private func answers(_ arguments: [String]) throws -> [Answer] {
    let result = try Tool.run(["classify", "--json"] + arguments)
    try #require(result.status == 0, "\(result.errors)")
    return try JSONDecoder().decode([Answer].self, from: Data(result.output.utf8))
  }

  /// A mono WAV file of noise.
  func noise(_ samples: Int, rate: Int, seed: UInt64) -> Data {
    func little<T: FixedWidthInteger>(_ value: T) -> Data { withUnsafeBytes(of: value.littleEndian) { Data($0) } }
    var random = SeededGenerator(seed: seed)
    let body = (0..<samples).reduce(into: Data()) { data, _ in
      data += little(Int16.random(in: -9000...9000, using: &random))
    }
    var data = Data("RIFF".utf8) + little(UInt32(36 + body.count)) + Data("WAVEfmt ".utf8) + little(UInt32(16))
    data += little(UInt16(1)) + little(UInt16(1)) + little(UInt32(rate)) + little(UInt32(2 * rate))
    return data + little(UInt16(2)) + little(UInt16(16)) + Data("data".utf8) + little(UInt32(body.count)) + body
  }

  @Test func tagsEveryFormatInDirectoriesAndPatterns() throws {
    try Tool.withFolder { folder in
      let model = try makeModel(in: folder)
      let sounds = Fixture.url("audio").path
      let whole = try answers(["--model", model, "--top-k", "7", sounds])
      #expect(whole.map { URL(fileURLWithPath: $0.file).pathExtension } == ["flac", "mp3", "ogg", "opus", "wav"])
      for answer in whole {
        #expect(answer.views == 1)
        for item in answer.classes {
          #expect(abs(item.probability - 1 / (1 + exp(-item.logit))) < 1e-6, "sigmoid, every tag for itself")
        }
      }
      let pattern = try answers(["--model", model, sounds + "/tone.[fw]*"])
      #expect(pattern.map(\.file) == [sounds + "/tone.flac", sounds + "/tone.wav"])
      let none = try Tool.run(["classify", "--model", model, sounds + "/*.xyz"])
      #expect(none.status == 1 && none.errors.contains("no file has such a name"), "\(none.errors)")
    }
  }

  @Test func scoresOfWindowsAreAveraged() throws {
    try Tool.withFolder { folder in
      let model = try makeModel(in: folder)
      let file = folder.appendingPathComponent("long.wav")
      // 80 frames: windows of 32 begin at 0, 16, 32 and 48.
      try noise(400 + 160 * 79, rate: 16_000, seed: 1).write(to: file)
      let options = ["--model", model, "--top-k", "7", file.path]
      let slid = try answers(options + ["--hop", "0.16", "--batch", "3"])[0]
      #expect(slid.views == 4)
      let loaded = try VisionTransformer(ModelWeights(modelAt: URL(fileURLWithPath: model)), engine: Engine())
      let preprocessor = try AudioPreprocessor(loaded.configuration, engine: Engine())
      let values = try preprocessor(
        AudioFile.read(file, rate: 16_000, resamples: false, channel: nil, note: { _ in }), .sliding(hop: 16))
      let logits = try loaded(Tensor(values, shape: [4, 1, 32, 32])).float32()
      for item in slid.classes {
        let own = (0..<4).map { Double(logits[7 * $0 + item.index]) }
        #expect(Float(item.logit) == Float(own.reduce(0, +) / 4))
        let expected = own.reduce(0) { $0 + 1 / (1 + exp(-$1)) } / 4
        // A sum of four sigmoids in Double.
        #expect(abs(item.probability - expected) < 1e-14)
      }
      let first = try answers(options)[0]
      #expect(first.views == 1)
      for item in first.classes { #expect(Float(item.logit) == logits[item.index]) }
      #expect(
        try answers(options + ["--hop", "0.16", "--threads", "1"])[0].classes.map(\.logit) == slid.classes.map(\.logit))
      #expect(loaded.configuration.tokenCount == 5)
    }
  }

  @Test func ratesAndKindsAreChecked() throws {
    try Tool.withFolder { folder in
      let model = try makeModel(in: folder)
      let file = folder.appendingPathComponent("narrow.wav")
      try noise(8000, rate: 8000, seed: 2).write(to: file)
      let refused = try Tool.run(["classify", "--model", model, file.path])
      #expect(
        refused.status == 1 && refused.errors.contains("8000 samples a second, expected 16000"), "\(refused.errors)")
      #expect(refused.errors.contains("(--resample)"), "\(refused.errors)")
      #expect(try answers(["--model", model, "--resample", file.path]).count == 1)
      let picture = try Tool.run(["classify", "--model", model, Fixture.url("images/cat.jpg").path])
      #expect(picture.status == 1 && picture.errors.contains("a JPEG image"), "\(picture.errors)")
      let views = try Tool.run(["classify", "--model", model, "--segments", "2", file.path])
      #expect(views.status == 1 && views.errors.contains("for videos"), "\(views.errors)")
      let images = try PictureTests.makeModel(in: folder.appendingPathComponent("images"))
      let sound = try Tool.run(["classify", "--model", images, Fixture.url("audio/tone.flac").path])
      #expect(sound.status == 1 && sound.errors.contains("tone.flac"), "\(sound.errors)")
      let hop = try Tool.run(["classify", "--model", images, "--hop", "1", Fixture.url("images/cat.jpg").path])
      #expect(hop.status == 1 && hop.errors.contains("for sound"), "\(hop.errors)")
    }
  }

  /// Channels of opposite sign, with silence as their mean.
  @Test func channelsThatCancelWarnAndOneCanBeChosen() throws {
    try Tool.withFolder { folder in
      let model = try makeModel(in: folder)
      func little<T: FixedWidthInteger>(_ value: T) -> Data { withUnsafeBytes(of: value.littleEndian) { Data($0) } }
      let mono = noise(8000, rate: 16_000, seed: 3)
      var stereo = Data("RIFF".utf8) + little(UInt32(36 + 32_000)) + Data("WAVEfmt ".utf8) + little(UInt32(16))
      stereo += little(UInt16(1)) + little(UInt16(2)) + little(UInt32(16_000)) + little(UInt32(64_000))
      stereo += little(UInt16(4)) + little(UInt16(16)) + Data("data".utf8) + little(UInt32(32_000))
      for place in stride(from: 44, to: mono.count, by: 2) {
        let sample = Int16(bitPattern: UInt16(mono[place]) | UInt16(mono[place + 1]) << 8)
        stereo += little(-sample) + little(sample)
      }
      let file = folder.appendingPathComponent("balanced.wav")
      try stereo.write(to: file)
      try mono.write(to: folder.appendingPathComponent("mono.wav"))
      let mixed = try Tool.run(["classify", "--model", model, file.path])
      #expect(mixed.status == 0, "\(mixed.errors)")
      #expect(mixed.errors.contains("warning: \(file.path): its 2 channels cancel each other"), "\(mixed.errors)")
      #expect(mixed.errors.contains("channel of 1...2"))
      let second = try Tool.run(["classify", "--json", "--model", model, "--channel", "2", file.path])
      #expect(second.status == 0 && second.errors.isEmpty, "\(second.errors)")
      let expected = try answers(["--model", model, folder.appendingPathComponent("mono.wav").path])[0]
      let found = try JSONDecoder().decode([Answer].self, from: Data(second.output.utf8))[0]
      #expect(found.classes.map(\.logit) == expected.classes.map(\.logit))
      for (channel, finding) in [("3", "has 2 channels"), ("0", "from 1")] {
        let refused = try Tool.run(["classify", "--model", model, "--channel", channel, file.path])
        #expect(refused.status != 0 && refused.errors.contains(finding), "\(refused.errors)")
      }
      let images = try PictureTests.makeModel(in: folder.appendingPathComponent("images"))
      let picture = try Tool.run(
        ["classify", "--model", images, "--channel", "1", Fixture.url("images/cat.jpg").path])
      #expect(picture.status == 1 && picture.errors.contains("for sound"), "\(picture.errors)")
    }
  }

  @Test func notesOfFilesAreOnStandardError() throws {
    try Tool.withFolder { folder in
      let model = try makeModel(in: folder)
      let file = Fixture.url("audio/containers/pipe.w64").path
      let result = try Tool.run(["classify", "--model", model, file])
      #expect(
        result.status == 0 && result.errors.contains("note: \(file): its header gives no length"), "\(result.errors)")
    }
  }

  @Test func namesTagsAsAudioSetDoes() throws {
    try Tool.withFolder { folder in
      let model = try makeModel(in: folder)
      let file = folder.appendingPathComponent("labels.csv")
      let names = ["Speech", "Male speech, man speaking", "a \"quoted\" one", "d", "e", "f", "g"]
      let lines = names.enumerated().map { index, name in
        "\(index),/m/0\(index),\"\(name.replacingOccurrences(of: "\"", with: "\"\""))\""
      }
      try Data((["index,mid,display_name"] + lines).joined(separator: "\n").utf8).write(to: file)
      let wav = Fixture.url("audio/tone.wav").path
      let options = ["--model", model, "--labels", file.path, "--top-k", "7", wav]
      let answer = try answers(options)[0]
      for item in answer.classes { #expect(item.label == names[item.index]) }

      let csv = try Tool.run(["classify", "--csv"] + options)
      #expect(csv.status == 0, "\(csv.errors)")
      let rows = csv.output.split(separator: "\n")
      #expect(rows.count == 8 && rows[0] == "file,rank,index,label,probability,logit")
      #expect(csv.output.contains(",\"Male speech, man speaking\","))
      #expect(csv.output.contains(",\"a \"\"quoted\"\" one\","))

      try Data("index,mid,display_name\n0,a,b\n0,a,b\n".utf8).write(to: file)
      let result = try Tool.run(["classify"] + options)
      #expect(result.status == 1 && result.errors == "Error: \(file.path):3: names class 0 twice\n", "\(result.errors)")
      let other = try Tool.run(["classify", "--model", model, "--labels", "imagenet-1k", wav])
      #expect(other.errors == "Error: --labels imagenet-1k has 1000 classes, the model has 7\n", "\(other.errors)")
    }
  }

  @Test func paintsSpectrogramsAndProbes() throws {
    try Tool.withFolder { folder in
      let model = try makeModel(in: folder)
      let output = folder.appendingPathComponent("attention.png")
      let wav = Fixture.url("audio/tone.wav").path
      let painted = try Tool.run(["attention", "--model", model, wav, "--output", output.path])
      #expect(painted.status == 0, "\(painted.errors)")
      #expect(FileManager.default.fileExists(atPath: output.path))
      // Without colours: the spectrogram, with time to the right, low tones at the bottom, the quietest value black.
      let plain = try Tool.run(["attention", "--model", model, wav, "--opacity", "0", "--output", output.path])
      #expect(plain.status == 0, "\(plain.errors)")
      let configuration = try ModelWeights(modelAt: URL(fileURLWithPath: model)).configuration
      let values = try AudioPreprocessor(configuration, engine: Engine())(
        AudioFile.read(Fixture.url("audio/tone.wav")), .beginning)
      let (low, high) = (try #require(values.min()), try #require(values.max()))
      let picture = try ImageFile.read(output)
      #expect(picture.extent == Extent(square: 32))
      for frame in 0..<32 {
        for bin in 0..<32 {
          let grey = UInt8(255 * (values[frame * 32 + bin] - low) / (high - low))
          let pixel = 3 * ((31 - bin) * 32 + frame)
          #expect(Array(picture.rgb[pixel..<pixel + 3]) == [grey, grey, grey], "frame \(frame), bin \(bin)")
        }
      }

      for (index, name) in ["loud", "low"].enumerated() {
        let place = folder.appendingPathComponent("train/\(name)")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        for item in 0..<6 {
          let data = noise(index == 0 ? 6000 : 1200, rate: 16_000, seed: UInt64(10 * index + item))
          try data.write(to: place.appendingPathComponent("\(item).wav"))
        }
      }
      let made = folder.appendingPathComponent("probed").path
      let probe = try Tool.run(
        ["probe", "--model", model, "--train", folder.appendingPathComponent("train").path, "--output", made])
      #expect(probe.status == 0, "\(probe.errors)")
      let found = try answers(["--model", made, folder.appendingPathComponent("train/low/0.wav").path])[0]
      #expect(found.classes.count == 2 && found.classes[0].label == "low")
      #expect(abs(found.classes.reduce(0) { $0 + $1.probability } - 1) < 1e-6, "one class is right")
    }
  }
}
