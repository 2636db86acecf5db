import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Hostile configuration files: each is read or refused with a typed error, and the layers of one that is read can be
/// declared.
@Suite struct ConfigurationFuzzTests {
  private static let timm = """
    {"architecture": "vit_tiny_patch16_224", "num_classes": 3, "global_pool": "token", "label_names": ["a", "b", "c"],
     "model_args": {"img_size": 32, "patch_size": [8, 4], "embed_dim": 48, "depth": 2, "num_heads": 3, "mlp_ratio": 2.5,
      "reg_tokens": 1, "class_token": true, "init_values": 1e-5, "fc_norm": false},
     "pretrained_cfg": {"input_size": [3, 32, 32], "fixed_input_size": true}, "m2pt": {"epsilon": 1e-6}}
    """
  private static let huggingFace = """
    {"model_type": "dinov2", "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 3, "mlp_ratio": 4,
     "image_size": 32, "patch_size": 8, "num_channels": 3, "layer_norm_eps": 1e-6, "qkv_bias": true,
     "architectures": ["Dinov2Model"], "id2label": {"0": "a", "1": "b"}}
    """
  private static let values = [
    "null", "true", "-1", "0", "1", "2", "1e300", "-1e300", "1e-320", "1.5", "9223372036854775807",
    "9223372036854775808", "-9223372036854775808", "4611686018427387904", "1152921504606846976", "3037000500", "\"\"",
    "\"token\"", "[]", "{}", "[1]", "[1, 2, 3]", "[9223372036854775807, 9223372036854775807]",
    "[3, 9223372036854775807, 1]", "{\"0\": 1}", "[null]", "65536", "65537", "16384", "1048576", "1048577",
  ]

  /// Reads a text: either a `ConfigurationError` with a description, or a usable configuration.
  private func judge(_ text: some Sequence<UInt8>, _ label: @autoclosure () -> String) {
    do {
      let c = try VisionTransformerConfiguration.read(json: Data(text), file: "hostile")
      #expect(c.parameters.allSatisfy { $0.shape.allSatisfy { $0 > 0 } }, "\(label())")
      #expect(c.tokenCount > 0 && c.headSize > 0)
    } catch let error as ConfigurationError {
      #expect(!error.description.isEmpty)
    } catch {
      Issue.record("\(label()): \(error)")
    }
  }

  @Test(arguments: [timm, huggingFace])
  func everyValueOfEveryKey(_ text: String) throws {
    let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    func replaced(_ path: [String], _ marker: String) throws -> String {
      func set(_ object: [String: Any], _ path: ArraySlice<String>) -> [String: Any] {
        var object = object
        if let key = path.first {
          object[key] = path.count == 1 ? marker : set(object[key] as? [String: Any] ?? [:], path.dropFirst())
        }
        return object
      }
      return String(decoding: try JSONSerialization.data(withJSONObject: set(object, path[...])), as: UTF8.self)
    }
    var paths = object.keys.map { [$0] }
    for (key, value) in object {
      if let inner = value as? [String: Any] { paths += inner.keys.map { [key, $0] } }
    }
    paths += ["in_chans", "num_classes", "qkv_bias", "pre_norm"].map { ["model_args", $0] }
    for path in paths {
      let template = try replaced(path, "HERE")
      for value in Self.values {
        judge(template.replacingOccurrences(of: "\"HERE\"", with: value).utf8, "\(path) = \(value)")
      }
    }
  }

  @Test(arguments: [timm, huggingFace])
  func damagedBytes(_ text: String) {
    var random = SeededGenerator(seed: 77)
    for cut in 0..<text.utf8.count { judge(text.utf8.prefix(cut), "cut at \(cut)") }
    for round in 0..<2000 {
      var bytes = Array(text.utf8)
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      judge(bytes, "round \(round)")
    }
  }

  @Test func deepAndLongFiles() {
    judge(String(repeating: "[", count: 100_000).utf8, "deep")
    judge(("{\"architecture\":" + String(repeating: "{\"a\":", count: 5000)).utf8, "deep objects")
    judge(("{\"architecture\": \"" + String(repeating: "v", count: 10_000) + "\"}").utf8, "long name")
    judge("[]".utf8, "array")
    judge("".utf8, "nothing")
  }

  @Test func directoriesAndMissingFilesAreRefused() {
    for url in [FileManager.default.temporaryDirectory, URL(fileURLWithPath: "/no/such/config.json")] {
      #expect(throws: ConfigurationError.self) { try VisionTransformerConfiguration.read(url) }
    }
  }
}
