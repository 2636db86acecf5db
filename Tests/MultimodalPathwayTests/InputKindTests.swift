import Foundation
import MultimodalPathway
import Testing

/// What a `config.json` says of an input and a head is used or refused.
@Suite struct InputKindTests {
  private func read(_ architecture: String, _ extras: String) throws -> VisionTransformerConfiguration {
    let text = #"{"architecture": "\#(architecture)", "m2pt": {\#(extras)}}"#
    return try .read(json: Data(text.utf8), file: "config.json")
  }

  private static let numbers = [
    "video": #""video": {"frames": 8}"#, "audio": #""audio": {"mean": 0}"#, "points": #""points": {"groups": 32}"#,
  ]

  @Test(arguments: Modality.allCases, numbers.keys.sorted())
  func numbersOfAnotherModalityAreRefused(_ modality: Modality, _ key: String) throws {
    let architecture = modality == .points ? "point_mae_modelnet40" : "vit_base_patch16_224"
    let extras = #""modality": "\#(modality.rawValue)", \#(Self.numbers[key]!)"#
    if key == modality.rawValue {
      // A spectrogram has one channel, and this architecture reads three.
      guard modality != .audio else { return }
      let c = try read(architecture, extras)
      #expect(c.modality == modality && (modality == .video ? c.frames == 8 : c.points?.groups == 32))
    } else {
      let error = #expect(throws: ConfigurationError.self) { try read(architecture, extras) }
      #expect(error.map { "\($0)".contains("m2pt.\(key)") } == true, "\(String(describing: error))")
    }
  }

  @Test func aModalityWithoutNumbersHasTheUsualOnes() throws {
    let clips = try read("vit_base_patch16_224", #""modality": "video""#)
    #expect(clips.input == .video(.init(frames: 16, tubelet: 2, sampling: nil, samplingRate: 4)))
    #expect(try VisionTransformerConfiguration.preset("vit_base_patch16_audiomae").input == .audio(.audioSet))
  }

  @Test(arguments: [
    ("point_mae_modelnet40", #""points": {"feature_blocks": [1, 2]}"#, "feature_blocks"),
    ("point_mae_modelnet40", #""points": {"propagation_widths": [8, 8]}"#, "propagation_widths"),
    ("point_mae_shapenetpart", #""points": {"head_widths": [8]}"#, "head_widths"),
    ("deit_tiny_distilled_patch16_224", #""pooler": 8"#, "pooler"), ("point_mae_modelnet40", #""pooler": 8"#, "pooler"),
    ("vit_base_patch16_224", #""task": "per_point""#, "task"), ("vit_base_patch16_224", #""task": "all""#, "task"),
  ])
  func numbersOfAnotherHeadAreRefused(_ architecture: String, _ extras: String, _ key: String) {
    let error = #expect(throws: ConfigurationError.self) { try read(architecture, extras) }
    #expect(error.map { "\($0)".contains(key) } == true, "\(String(describing: error))")
  }

  /// Earlier versions wrote the numbers of both heads of points, those of the other head with their usual values.
  @Test func usualNumbersOfTheOtherHeadAreAccepted() throws {
    let classes = try read(
      "point_mae_modelnet40",
      #""points": {"head_widths": [64], "feature_blocks": [3, 7, 11], "category_width": 64, "#
        + #""point_widths": [512, 256], "categories": []}"#)
    #expect(classes.head == .points(hiddenWidths: [64]))
    let parts = try read("point_mae_shapenetpart", #""points": {"head_widths": [256, 256], "category_width": 32}"#)
    #expect(parts.parts?.categoryWidth == 32 && parts.parts?.categories == PartConfiguration.shapeNetPart)
  }

  @Test func theTaskChoosesTheHeadOfPoints() throws {
    let classes = try read("point_mae_shapenetpart", #""task": "single_label""#)
    #expect(classes.head == .points(hiddenWidths: [256, 256]))
    let error = #expect(throws: ConfigurationError.self) { try read("point_mae_modelnet40", #""task": "per_point""#) }
    #expect(error.map { "\($0)".contains("class_token") } == true)
  }
}
