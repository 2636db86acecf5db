import MultimodalPathway
import TestSupport
import Testing

/// Small checkpoints with the names of their origins.
enum SyntheticAuxiliary: String, CaseIterable {
  case timm, bert, vit, dinov2, whisper, openAIWhisper

  var layout: CheckpointLayout {
    switch self {
    case .timm: .timm
    case .bert: .bert
    case .vit: .huggingFaceViT
    case .dinov2: .huggingFaceDINOv2
    case .whisper: .whisper
    case .openAIWhisper: .openAIWhisper
    }
  }

  /// Block prefix; q, k, v (or the fused qkv); projection; fc1; fc2.
  var names: (block: String, qkv: [String], rest: [String]) {
    switch self {
    case .timm: ("blocks.", ["attn.qkv"], ["attn.proj", "mlp.fc1", "mlp.fc2"])
    case .bert:
      (
        "bert.encoder.layer.", ["query", "key", "value"].map { "attention.self." + $0 },
        ["attention.output.dense", "intermediate.dense", "output.dense"]
      )
    case .vit:
      (
        "vit.encoder.layer.", ["query", "key", "value"].map { "attention.attention." + $0 },
        ["attention.output.dense", "intermediate.dense", "output.dense"]
      )
    case .dinov2:
      (
        "encoder.layer.", ["query", "key", "value"].map { "attention.attention." + $0 },
        ["attention.output.dense", "mlp.fc1", "mlp.fc2"]
      )
    case .whisper:
      ("model.encoder.layers.", ["q", "k", "v"].map { "self_attn.\($0)_proj" }, ["self_attn.out_proj", "fc1", "fc2"])
    case .openAIWhisper:
      ("encoder.blocks.", ["query", "key", "value"].map { "attn." + $0 }, ["attn.out", "mlp.0", "mlp.2"])
    }
  }

  /// Other tensors in such a file, which must have no effect.
  var others: [String] {
    switch self {
    case .timm: ["patch_embed.proj.weight", "norm.weight", "head.bias"]
    case .bert: ["bert.embeddings.word_embeddings.weight", "bert.pooler.dense.weight"]
    case .vit: ["vit.embeddings.cls_token", "classifier.weight"]
    case .dinov2: ["embeddings.mask_token", "layernorm.weight"]
    case .whisper: ["model.encoder.conv1.weight", "model.decoder.layers.0.self_attn.q_proj.weight", "proj_out.weight"]
    case .openAIWhisper: ["encoder.conv1.weight", "decoder.blocks.0.attn.query.weight"]
    }
  }

  var keysHaveBias: Bool { self != .whisper && self != .openAIWhisper }

  func checkpoint(depth: Int, width: Int, hidden: Int, seed: UInt64) throws -> Checkpoint {
    var random = SeededGenerator(seed: seed)
    var tensors: [String: Tensor] = [:]
    func add(_ name: String, _ rows: Int, _ columns: Int, bias: Bool = true) {
      tensors[name + ".weight"] = Tensor(random.floats(rows * columns), shape: [rows, columns])
      if bias { tensors[name + ".bias"] = Tensor(random.floats(rows), shape: [rows]) }
    }
    for block in 0..<depth {
      let prefix = "\(names.block)\(block)."
      for (index, name) in names.qkv.enumerated() {
        add(prefix + name, names.qkv.count == 1 ? 3 * width : width, width, bias: index != 1 || keysHaveBias)
      }
      add(prefix + names.rest[0], width, width)
      add(prefix + names.rest[1], hidden, width)
      add(prefix + names.rest[2], width, hidden)
    }
    for name in others { tensors[name] = Tensor([1], shape: [1]) }
    return Checkpoint(tensors: tensors)
  }
}

/// Auxiliaries of every origin, and the layers made of them.
@Suite struct AuxiliaryLayoutTests {
  @Test(arguments: SyntheticAuxiliary.allCases)
  func everyLayoutIsRead(_ kind: SyntheticAuxiliary) throws {
    let (width, hidden) = (6, 10)
    let checkpoint = try kind.checkpoint(depth: 3, width: width, hidden: hidden, seed: 5)
    let auxiliary = try AuxiliaryWeights(checkpoint: checkpoint, heads: 2)
    #expect(auxiliary.layout == kind.layout && auxiliary.depth == 3 && auxiliary.heads == 2)
    #expect(auxiliary.width == width && auxiliary.hiddenWidth == hidden)
    func stored(_ block: Int, _ name: String) throws -> [Float]? {
      try checkpoint.tensors["\(kind.names.block)\(block).\(name)"]?.float32()
    }
    for block in 0..<3 {
      let qkv = try auxiliary.weight(block, .qkv)
      #expect(qkv.shape == [3 * width, width])
      #expect(try qkv.float32() == kind.names.qkv.flatMap { try stored(block, $0 + ".weight") ?? [] })
      // A missing bias of the keys is zeros in the fused one.
      let zeros = [Float](repeating: 0, count: width)
      let bias = try #require(auxiliary.bias(block, .qkv)).float32()
      #expect(try bias == kind.names.qkv.flatMap { try stored(block, $0 + ".bias") ?? zeros })
      for (layer, name) in zip([PathwayLayer.projection, .fc1, .fc2], kind.names.rest) {
        #expect(try auxiliary.weight(block, layer).float32() == stored(block, name + ".weight"), "\(name)")
        #expect(try auxiliary.bias(block, layer)?.float32() == stored(block, name + ".bias"), "\(name)")
      }
    }
  }

  @Test(arguments: SyntheticAuxiliary.allCases)
  func gapsAndOddShapesAreErrors(_ kind: SyntheticAuxiliary) throws {
    let good = try kind.checkpoint(depth: 3, width: 6, hidden: 10, seed: 6)
    for name in [kind.names.qkv[0]] + kind.names.rest {
      var tensors = good.tensors
      tensors["\(kind.names.block)1.\(name).weight"] = nil
      #expect(throws: (any Error).self, "\(name) missing") {
        try AuxiliaryWeights(checkpoint: Checkpoint(tensors: tensors))
      }
      tensors["\(kind.names.block)1.\(name).weight"] = Tensor([1, 2, 3], shape: [3])
      #expect(throws: (any Error).self, "\(name) of another shape") {
        try AuxiliaryWeights(checkpoint: Checkpoint(tensors: tensors))
      }
    }
  }

  @Test func unknownLayoutsNameSomeTensors() throws {
    let checkpoint = Checkpoint(tensors: ["resnet.layer1.0.conv1.weight": Tensor([1], shape: [1])])
    do {
      _ = try AuxiliaryWeights(checkpoint: checkpoint)
      Issue.record("accepted")
    } catch let error as CheckpointLayoutError {
      #expect("\(error)".contains("resnet.layer1.0.conv1.weight"))
    }
  }

  @Test func separateBiasesOfQueriesAndValuesAreFused() throws {
    let golden = try Checkpoint(contentsOf: Fixture.url("model/query_value_bias.safetensors"))
    let auxiliary = try AuxiliaryWeights(checkpoint: GoldenTests.part(golden, "weights."))
    let q = try golden.tensors["weights.blocks.0.attn.q_bias"]!.float32()
    let v = try golden.tensors["weights.blocks.0.attn.v_bias"]!.float32()
    let zeros = [Float](repeating: 0, count: q.count)
    #expect(try auxiliary.bias(0, .qkv)?.float32() == q + zeros + v)
  }

  @Test func headsAreStatedOrAssumed() throws {
    func heads(_ kind: SyntheticAuxiliary, _ width: Int) throws -> (Int?, Bool) {
      let auxiliary = try AuxiliaryWeights(checkpoint: kind.checkpoint(depth: 1, width: width, hidden: 8, seed: 7))
      return (auxiliary.heads, auxiliary.headsAreAssumed)
    }
    let (whisper, bert, vit) = (try heads(.whisper, 128), try heads(.bert, 384), try heads(.vit, 128))
    #expect(whisper.0 == 2 && whisper.1)
    #expect(bert.0 == 12 && bert.1)
    #expect(vit.0 == nil && !vit.1)
  }
}
