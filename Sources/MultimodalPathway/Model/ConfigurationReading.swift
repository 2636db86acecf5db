import Foundation

extension VisionTransformerConfiguration {
  /// Reads a model directory's `config.json`, timm's or Hugging Face's.
  ///
  /// - Throws: `ConfigurationError`, naming file and key.
  public static func read(_ url: URL) throws -> VisionTransformerConfiguration {
    let data: Data
    do {
      data = try Data(contentsOf: url)
    } catch {
      throw ConfigurationError.malformed(file: url.path, reason: "cannot be read: \(error.localizedDescription)")
    }
    return try read(json: data, file: url.path)
  }

  /// The same from JSON text; `file` names it in errors.
  public static func read(json data: Data, file: String) throws -> VisionTransformerConfiguration {
    let configuration: VisionTransformerConfiguration
    do {
      if try JSONDecoder().decode(Kind.self, from: data).model_type != nil {
        configuration = try JSONDecoder().decode(HuggingFaceFile.self, from: data).configuration(file: file)
      } else {
        configuration = try JSONDecoder().decode(TimmFile.self, from: data).configuration(file: file)
      }
    } catch let error as DecodingError {
      throw ConfigurationError.malformed(file: file, reason: Self.text(error))
    }
    do {
      try configuration.validate()
    } catch ConfigurationError.invalid(let reason) {
      throw ConfigurationError.malformed(file: file, reason: reason)
    }
    return configuration
  }

  private static func text(_ error: DecodingError) -> String {
    func path(_ context: DecodingError.Context) -> String {
      context.codingPath.map(\.stringValue).joined(separator: ".")
    }
    switch error {
    case .keyNotFound(let key, let context): return "lacks the key '\((context.codingPath + [key]).map(\.stringValue).joined(separator: "."))'"
    case .typeMismatch(let type, let context): return "'\(path(context))' is not a \(type)"
    case .valueNotFound(let type, let context): return "'\(path(context))' is null, expected a \(type)"
    case .dataCorrupted(let context): return "is not valid JSON (\(context.debugDescription))"
    @unknown default: return "cannot be read as a configuration"
    }
  }

  private struct Kind: Decodable {
    var model_type: String?
  }

  /// A number for both sides, or [height, width].
  private struct Size: Decodable {
    var extent: Extent

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let side = try? container.decode(Int.self) {
        extent = Extent(height: side, width: side)
      } else {
        let sides = try container.decode([Int].self)
        guard sides.count == 2 else {
          throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected a number or [height, width]")
        }
        extent = Extent(height: sides[0], width: sides[1])
      }
    }
  }

  // MARK: - timm

  private struct TimmFile: Decodable {
    struct Arguments: Decodable {
      var img_size: Size?
      var patch_size: Size?
      var embed_dim: Int?
      var depth: Int?
      var num_heads: Int?
      var mlp_ratio: Double?
      var qkv_bias: Bool?
      var q_and_v_bias: Bool?
      var class_token: Bool?
      var reg_tokens: Int?
      var no_embed_class: Bool?
      var pre_norm: Bool?
      var fc_norm: Bool?
      var init_values: Double?
      var act_layer: String?
    }
    struct Pretrained: Decodable {
      var input_size: [Int]?
    }
    var architecture: String
    var num_classes: Int?
    var global_pool: String?
    var model_args: Arguments?
    var pretrained_cfg: Pretrained?
    var label_names: [String]?

    func configuration(file: String) throws -> VisionTransformerConfiguration {
      let arguments = model_args
      if let width = arguments?.embed_dim, !(1...VisionTransformerConfiguration.largestWidth).contains(width) {
        throw ConfigurationError.malformed(
          file: file, reason: "'model_args.embed_dim' is \(width), expected 1...\(VisionTransformerConfiguration.largestWidth)")
      }
      var c: VisionTransformerConfiguration
      if let width = arguments?.embed_dim, let depth = arguments?.depth, let heads = arguments?.num_heads {
        let side = Extent(height: 224, width: 224)
        c = VisionTransformerConfiguration(
          architecture: architecture, imageSize: side, patchSize: Extent(height: 16, width: 16), width: width,
          depth: depth, heads: heads)
      } else {
        c = try .preset(architecture)
        if let width = arguments?.embed_dim {
          c.width = width
          c.hiddenWidth = width * 4
        }
        c.depth = arguments?.depth ?? c.depth
        c.heads = arguments?.num_heads ?? c.heads
      }
      if let size = pretrained_cfg?.input_size {
        guard size.count == 3 else {
          throw ConfigurationError.malformed(file: file, reason: "'pretrained_cfg.input_size' is not [channels, height, width]")
        }
        c.channels = size[0]
        c.imageSize = Extent(height: size[1], width: size[2])
      }
      if let size = arguments?.img_size { c.imageSize = size.extent }
      if let size = arguments?.patch_size { c.patchSize = size.extent }
      if let ratio = arguments?.mlp_ratio {
        guard ratio > 0, ratio <= 64 else {
          throw ConfigurationError.malformed(file: file, reason: "'model_args.mlp_ratio' is \(ratio), expected 0...64")
        }
        c.hiddenWidth = Int(Double(c.width) * ratio)
      }
      if let activation = arguments?.act_layer, activation != "gelu" {
        throw ConfigurationError.unsupported(file: file, feature: "activation '\(activation)'")
      }
      c.classCount = num_classes ?? c.classCount
      c.labels = label_names
      c.hasClassToken = arguments?.class_token ?? c.hasClassToken
      c.registerTokens = arguments?.reg_tokens ?? c.registerTokens
      c.positionCoversPrefix = arguments?.no_embed_class.map { !$0 } ?? c.positionCoversPrefix
      c.hasPreNorm = arguments?.pre_norm ?? false
      c.hasLayerScale = arguments?.init_values.map { $0 != 0 } ?? c.hasLayerScale
      if arguments?.qkv_bias == false { c.qkvBias = .none }
      if arguments?.q_and_v_bias == true { c.qkvBias = .queryAndValue }
      if let name = global_pool {
        guard let pooling = Pooling(rawValue: name) else {
          throw ConfigurationError.unsupported(file: file, feature: "pooling '\(name)'")
        }
        c.pooling = pooling
      }
      // timm's rule: fc_norm replaces norm wherever patch tokens are pooled, unless it is told otherwise.
      c.normalizesAfterPooling = arguments?.fc_norm ?? (c.pooling != .token)
      return c
    }
  }

  // MARK: - Hugging Face

  private struct HuggingFaceFile: Decodable {
    var model_type: String
    var hidden_size: Int
    var num_hidden_layers: Int
    var num_attention_heads: Int
    var intermediate_size: Int?
    var mlp_ratio: Double?
    var image_size: Size
    var patch_size: Size
    var num_channels: Int?
    var layer_norm_eps: Float?
    var qkv_bias: Bool?
    var hidden_act: String?
    var use_swiglu_ffn: Bool?
    var num_register_tokens: Int?
    var id2label: [String: String]?
    var architectures: [String]?

    func configuration(file: String) throws -> VisionTransformerConfiguration {
      guard ["vit", "deit", "dinov2", "dinov2_with_registers"].contains(model_type) else {
        throw ConfigurationError.unsupported(file: file, feature: "model_type '\(model_type)'")
      }
      if let activation = hidden_act, activation != "gelu" {
        throw ConfigurationError.unsupported(file: file, feature: "hidden_act '\(activation)'")
      }
      if use_swiglu_ffn == true { throw ConfigurationError.unsupported(file: file, feature: "use_swiglu_ffn") }
      let ratio = mlp_ratio ?? 4
      guard ratio > 0, ratio <= 64, (1...VisionTransformerConfiguration.largestWidth).contains(hidden_size) else {
        throw ConfigurationError.malformed(file: file, reason: "hidden_size \(hidden_size) and mlp_ratio \(ratio) are not possible")
      }
      var c = VisionTransformerConfiguration(
        architecture: model_type, imageSize: image_size.extent, patchSize: patch_size.extent, width: hidden_size,
        depth: num_hidden_layers, heads: num_attention_heads,
        hiddenWidth: intermediate_size ?? Int(Double(hidden_size) * ratio))
      c.channels = num_channels ?? 3
      c.epsilon = layer_norm_eps ?? (model_type.hasPrefix("dinov2") ? 1e-6 : 1e-12)
      c.qkvBias = qkv_bias == false ? .none : .full
      c.hasLayerScale = model_type.hasPrefix("dinov2")
      c.registerTokens = num_register_tokens ?? 0
      c.positionCoversPrefix = c.registerTokens == 0
      let classifies = architectures?.contains { $0.hasSuffix("ForImageClassification") } ?? false
      let labels = id2label.map { map in (0..<map.count).compactMap { map["\($0)"] } }
      c.classCount = classifies ? labels?.count ?? 0 : 0
      c.labels = classifies && labels?.count == c.classCount ? labels : nil
      return c
    }
  }
}
