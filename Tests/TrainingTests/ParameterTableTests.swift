import MultimodalPathway
import PathwayTraining
import Testing

@Suite struct ParameterTableTests {
  @Test func tensorsFollowEachOtherWithoutOverlap() throws {
    let table = try ParameterTable(Models.joined())
    var end = 0
    for span in table.spans {
      #expect(span.offset >= end && span.offset < end + 16 && span.offset % 16 == 0, "\(span.name)")
      end = span.offset + span.count
    }
    #expect(end <= table.valueCount && table.valueCount < end + 16)
  }

  @Test func targetComesFirstInTheOrderOfItsFile() throws {
    let weights = try Models.joined()
    let names = try ParameterTable(weights).spans.map(\.name)
    let own = weights.target.configuration.parameters.map(\.name)
    #expect(Array(names.prefix(own.count)) == own)
    #expect(names.count == own.count + 2 * 4 + 2 * 4)
  }

  @Test func matricesAloneDecay() throws {
    let spans = try ParameterTable(Models.joined(bias: .combined)).spans
    for span in spans {
      #expect(span.decays == span.name.hasSuffix(".weight") && !span.name.contains("norm") || span.shape.count < 2)
      if span.decays { #expect(span.shape.count >= 2, "\(span.name)") }
    }
  }

  @Test func combinedBiasesAreTrainedToo() throws {
    let names = Set(try ParameterTable(Models.joined(bias: .combined)).spans.map(\.name))
    #expect(names.contains("auxiliaries.0.blocks.1.mlp.fc2.bias"))
    #expect(!Set(try ParameterTable(Models.joined()).spans.map(\.name)).contains("auxiliaries.0.blocks.1.mlp.fc2.bias"))
  }

  @Test func frozenLinearLayersLeaveScalesAndHead() throws {
    let trained = try ParameterTable(Models.joined(), freeze: .linear).spans.filter(\.trains)
    #expect(trained.filter { !$0.isScale }.map(\.name) == ["head.weight", "head.bias"])
    #expect(trained.count { $0.isScale } == 8)
  }

  @Test func frozenAuxiliariesLeaveEverythingElse() throws {
    let spans = try ParameterTable(Models.joined(), freeze: .auxiliary).spans
    #expect(spans.filter { !$0.trains }.map(\.name) == spans.map(\.name).filter { $0.hasPrefix("auxiliaries.") })
  }

  @Test func frozenTensorsHaveNoMoments() throws {
    let table = try ParameterTable(Models.joined(), freeze: .linear)
    let expected = table.spans.filter(\.trains).reduce(0) { $0 + ($1.count + 15) / 16 * 16 }
    #expect(table.momentCount == expected)
  }

  @Test func memoryIsThatOfTheArenas() throws {
    var recipe = Recipe()
    recipe.ema = 0.9
    let table = try ParameterTable(Models.joined())
    let memory = Dictionary(uniqueKeysWithValues: table.memory(recipe).map { ($0.part, $0.bytes) })
    #expect(
      memory == [
        "values": 4 * table.valueCount, "gradients": 4 * table.gradientCount, "moments": 8 * table.momentCount,
        "average": 4 * table.valueCount,
      ])
    recipe.optimizer = .sgd
    #expect(table.memory(recipe)[2].bytes == 4 * table.momentCount)
  }

  @Test func linesNameEveryTensor() throws {
    let table = try ParameterTable(Models.joined(), freeze: .auxiliary)
    let lines = table.lines(Recipe())
    #expect(lines.count == table.spans.count + 1)
    #expect(lines.contains { $0.hasPrefix("auxiliaries.0.blocks.0.attn.qkv.weight") && $0.contains("frozen") })
    #expect(lines.contains { $0.hasPrefix("head.weight") && $0.contains("trains  decays  1.0") })
  }
}
