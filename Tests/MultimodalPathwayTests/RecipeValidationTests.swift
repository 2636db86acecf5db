import Foundation
import MultimodalPathway
import Testing

/// Impossible recipes are refused with the name of the key; usual recipes are accepted.
@Suite struct RecipeValidationTests {
  private func refusal(_ body: () throws -> ImagePreprocessing) -> String {
    let error = #expect(throws: ImagePreprocessingError.self) { try body() }
    return error.map { "\($0)" } ?? ""
  }

  @Test(arguments: [
    (#""crop_pct": 95"#, "crop_pct"), (#""crop_pct": -0.9"#, "crop_pct"), (#""crop_pct": 1.143"#, "crop_pct"),
    (#""crop_pct": 0.00875"#, "crop_pct"), (#""crop_pct": true"#, "crop_pct"),
    (#""std": [0, 0, 0]"#, "std"), (#""std": [0.2, -0.2, 0.2]"#, "std"), (#""std": [58.395, 57.12, 57.375]"#, "std"),
    (#""std": [0.2, 0.2]"#, "std"), (#""std": 0.5"#, "std"), (#""std": [1e99, 1, 1]"#, "std"),
    (#""mean": [123.675, 116.28, 103.53]"#, "mean"), (#""mean": [0.4, 0.4, 0.4, 0.4]"#, "mean"),
    (#""mean": ["a", 0, 0]"#, "mean"), (#""mean": [-1e38, 0, 0]"#, "mean"), (#""mean": []"#, "mean"),
    (#""input_size": [3, -224, 224]"#, "input_size"), (#""input_size": [3, 224, 0]"#, "input_size"),
    (#""input_size": [3, 224]"#, "input_size"), (#""input_size": 224"#, "input_size"),
    (#""interpolation": "cubic""#, "interpolation"), (#""crop_mode": 3"#, "crop_mode"),
  ])
  func timmsKeysAreNamed(_ member: String, _ key: String) {
    for text in ["{\(member)}", #"{"pretrained_cfg": {\#(member)}}"#] {
      let message = refusal { try .timm(json: Data(text.utf8), file: "config.json") }
      #expect(message.hasPrefix("config.json: ") && message.contains(key), "\(message)")
    }
  }

  @Test(arguments: [
    (#""rescale_factor": 0"#, "rescale_factor"), (#""rescale_factor": -0.0039"#, "rescale_factor"),
    (#""rescale_factor": 255"#, "rescale_factor"), (#""rescale_factor": "1/255""#, "rescale_factor"),
    (#""image_mean": [0.5]"#, "image_mean"), (#""image_mean": [123.675, 116.28, 103.53]"#, "image_mean"),
    (#""image_mean": "0.5""#, "image_mean"), (#""image_std": [0.5, 0.5]"#, "image_std"),
    (#""image_std": -1"#, "image_std"),
    (#""image_std": [0.5, 0, 0.5]"#, "image_std"), (#""image_std": 127.5"#, "image_std"),
    (#""size": {"height": 224}"#, "size"), (#""size": {"width": 224}"#, "size"), (#""size": {}"#, "size"),
    (#""size": {"height": -4, "width": 4}"#, "size"), (#""size": 0"#, "size"), (#""size": [224]"#, "size"),
    (#""size": {"height": 224, "width": 224, "shortest_edge": 256}"#, "size"), (#""size": "224""#, "size"),
    (#""do_center_crop": true, "crop_size": {"height": 0, "width": 3}"#, "crop_size"),
    (#""do_center_crop": true, "crop_size": -7"#, "crop_size"),
    (#""do_resize": "true""#, "do_resize"), (#""do_rescale": 1"#, "do_rescale"),
    (#""do_normalize": []"#, "do_normalize"),
    (#""do_center_crop": "no""#, "do_center_crop"), (#""resample": 6"#, "resample"), (#""resample": -1"#, "resample"),
    (#""resample": "bicubic""#, "resample"), (#""do_flip_channel_order": true"#, "do_flip_channel_order"),
  ])
  func huggingFacesKeysAreNamed(_ member: String, _ key: String) {
    let message = refusal { try .huggingFace(json: Data("{\(member)}".utf8), file: "preprocessor_config.json") }
    #expect(message.hasPrefix("preprocessor_config.json: ") && message.contains("'\(key)"), "\(message)")
  }

  @Test(arguments: [
    #"{"do_rescale": false, "image_mean": [123.675, 116.28, 103.53], "image_std": [58.395, 57.12, 57.375]}"#,
    #"{"do_rescale": false, "do_normalize": false}"#, #"{"do_normalize": false}"#,
    #"{"rescale_factor": 0.00392156862745098}"#,
    #"{"rescale_factor": 0.00784313725490196}"#, #"{"image_mean": 0.5, "image_std": 0.5}"#,
    #"{"image_mean": 0, "image_std": 1}"#,
    #"{"do_center_crop": null, "crop_size": null, "size": {"height": 30, "width": 20}}"#,
  ])
  func usualProcessorsAreNot(_ text: String) {
    #expect(throws: Never.self) { try ImagePreprocessing.huggingFace(json: Data(text.utf8)) }
  }

  @Test(arguments: [
    #"{"mean": [0, 0, 0], "std": [1, 1, 1], "crop_pct": 1}"#,
    #"{"mean": [0, 0, 0], "std": [0.00392, 0.00392, 0.00392]}"#,
    #"{"crop_pct": 0, "interpolation": "bilinear"}"#, #"{"crop_pct": 0.875, "crop_mode": "squash"}"#,
  ])
  func usualConfigurationsAreNot(_ text: String) {
    #expect(throws: Never.self) { try ImagePreprocessing.timm(json: Data(text.utf8)) }
  }

  @Test func overridesKeepTheRest() throws {
    let recipe = try ImagePreprocessing.huggingFace(
      json: Data(#"{"image_processor_type": "DeiTImageProcessor", "size": 64, "crop_size": 48}"#.utf8))
    var overrides = RecipeOverrides()
    #expect(try recipe.overriding(overrides) == recipe)
    overrides.mean = [0.1, 0.2, 0.3]
    overrides.filter = .lanczos
    var expected = recipe
    (expected.mean, expected.filter) = ([0.1, 0.2, 0.3], .lanczos)
    #expect(try recipe.overriding(overrides) == expected)
    // A crop of timm: 48 of 64 pixels, with each side scaled separately, as the processor resizes.
    overrides.cropMode = .squash
    expected.geometry = .timm(cropFraction: 0.75, mode: .squash)
    #expect(try recipe.overriding(overrides) == expected)
    overrides.std = [0, 1, 1]
    #expect(throws: ImagePreprocessingError.self) { try recipe.overriding(overrides) }
  }
}
