import MultimodalPathway
import Testing

/// The tensors that layers declare, written out by hand.
@Suite struct ParameterTests {
  private func parameter(_ name: String, _ shape: [Int], _ role: Parameter.Role) -> Parameter {
    Parameter(name: name, shape: shape, role: role)
  }

  private func norm(_ name: String, _ width: Int) -> [Parameter] {
    [parameter(name + ".weight", [width], .gain), parameter(name + ".bias", [width], .bias)]
  }

  private func linear(_ name: String, _ rows: Int, _ columns: Int) -> [Parameter] {
    [parameter(name + ".weight", [rows, columns], .weight), parameter(name + ".bias", [rows], .bias)]
  }

  @Test func aTransformerDeclaresItsTensorsInTheOrderOfTimmsFiles() {
    var c = VisionTransformerConfiguration(
      architecture: "test", imageSize: Extent(height: 8, width: 12), patchSize: Extent(square: 4), width: 6, depth: 1,
      heads: 2, hiddenWidth: 10)
    (c.registerTokens, c.hasLayerScale, c.qkvBias, c.head, c.classCount) = (
      2, true, .queryAndValue, .pooler(width: 5), 3
    )
    let expected: [Parameter] =
      [
        parameter("cls_token", [1, 1, 6], .embedding), parameter("reg_token", [1, 2, 6], .embedding),
        parameter("pos_embed", [1, 3 + 6, 6], .embedding), parameter("patch_embed.proj.weight", [6, 3, 4, 4], .weight),
        parameter("patch_embed.proj.bias", [6], .bias),
      ] + norm("blocks.0.norm1", 6)
      + [
        parameter("blocks.0.attn.qkv.weight", [18, 6], .weight), parameter("blocks.0.attn.q_bias", [6], .bias),
        parameter("blocks.0.attn.v_bias", [6], .bias),
      ] + linear("blocks.0.attn.proj", 6, 6) + [parameter("blocks.0.ls1.gamma", [6], .gain)]
      + norm("blocks.0.norm2", 6) + linear("blocks.0.mlp.fc1", 10, 6) + linear("blocks.0.mlp.fc2", 6, 10)
      + [parameter("blocks.0.ls2.gamma", [6], .gain)] + norm("norm", 6) + linear("pooler.dense", 5, 6)
      + linear("head", 3, 5)
    #expect(c.parameters == expected)
  }

  @Test func anEncoderOfPointsDeclaresBatchNormsAndPositionsOfItsOwn() {
    var points = PointConfiguration()
    (points.encoderWidths, points.positionWidth) = ([2, 3, 4], 5)
    var c = VisionTransformerConfiguration(
      architecture: "test", imageSize: Extent(square: 1), patchSize: Extent(square: 1), width: 6, depth: 1, heads: 2)
    (c.input, c.head, c.pooling, c.qkvBias, c.classCount) =
      (.points(points), .points(hiddenWidths: [7]), .tokenAndMaximum, .none, 8)
    func batchNorm(_ name: String, _ width: Int) -> [Parameter] {
      norm(name, width)
        + [
          parameter(name + ".running_mean", [width], .mean), parameter(name + ".running_var", [width], .variance),
        ]
    }
    func convolution(_ name: String, _ rows: Int, _ columns: Int) -> [Parameter] {
      [parameter(name + ".weight", [rows, columns, 1], .weight), parameter(name + ".bias", [rows], .bias)]
    }
    let tokenizer: [Parameter] =
      [parameter("cls_token", [1, 1, 6], .embedding), parameter("cls_pos", [1, 1, 6], .embedding)]
      + convolution("encoder.first_conv.0", 2, 3) + batchNorm("encoder.first_conv.1", 2)
      + convolution("encoder.first_conv.3", 3, 2) + convolution("encoder.second_conv.0", 4, 6)
      + batchNorm("encoder.second_conv.1", 4) + convolution("encoder.second_conv.3", 6, 4)
      + linear("pos_embed.0", 5, 3) + linear("pos_embed.2", 6, 5)
    let head: [Parameter] =
      linear("cls_head_finetune.0", 7, 12) + batchNorm("cls_head_finetune.1", 7) + linear("cls_head_finetune.4", 8, 7)
    #expect(Array(c.parameters.prefix(tokenizer.count)) == tokenizer)
    #expect(Array(c.parameters.suffix(head.count)) == head)
    #expect(c.parameters.allSatisfy { !$0.name.hasSuffix("attn.qkv.bias") })
  }
}
