import ArgumentParser
import MultimodalPathway
import PathwayData

/// How often a file is looked at.
struct ViewOptions: ParsableArguments {
  @Option(help: "Clips of a video, spread over it, whose scores are averaged (VideoMAE's test: 5).") var segments = 1
  @Option(help: "Crops of a video's frames along their longer side (VideoMAE's test: 3).") var crops = 1
  @Option(
    help: """
      Seconds by which the model's window slides over sound; its scores are averaged (default: the beginning alone).
      """)
  var hop: Double?

  func validate() throws {
    guard (1...1000).contains(segments), (1...60).contains(crops) else {
      throw ValidationError("--segments takes 1...1000, --crops 1...60.")
    }
    if let hop, !(hop >= 0.01 && hop <= 86_400) { throw ValidationError("--hop takes 0.01...86400 seconds.") }
  }
}

/// How sound is read.
struct SoundOptions: ParsableArguments {
  @Flag(help: "Resample sound whose rate is not the model's; otherwise it is an error.") var resample = false
  @Option(help: "The one channel of sound that is heard, from 1 (default: the mean of all).") var channel: Int?

  func validate() throws {
    if let channel, channel < 1 { throw ValidationError("--channel takes numbers from 1.") }
  }
}

extension VisionTransformerConfiguration {
  /// The front end of a model that errors call `model`. Its notes go to standard error.
  ///
  /// - Parameter recipe: how its pictures, or frames, are prepared.
  /// - Throws: `ToolError` with the name of an option that is for another modality; as
  ///   `frontEnd(recipe:settings:engine:note:)`.
  func frontEnd(
    _ model: String, _ recipe: ImagePreprocessing?, views: ViewOptions? = nil, sound: SoundOptions, engine: Engine
  ) throws -> any FrontEnd {
    var settings = FrontEndSettings()
    if let views { (settings.segments, settings.crops, settings.hop) = (views.segments, views.crops, views.hop) }
    (settings.resamplesSound, settings.channel) = (sound.resample, sound.channel)
    do {
      return try frontEnd(recipe: recipe, settings: settings, engine: engine, note: reportNote)
    } catch DataError.notApplicable(let setting, let found) {
      throw ToolError("\(model): \(setting.options); the model is for \(found.rawValue)")
    }
  }
}

extension DataError.Setting {
  /// The options that set it, and what they are for.
  fileprivate var options: String {
    switch self {
    case .segmentsAndCrops: "--segments and --crops are for videos"
    case .hop: "--hop is for sound"
    case .channel: "--channel is for sound"
    }
  }
}
