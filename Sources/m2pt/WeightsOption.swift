import ArgumentParser
import MultimodalPathway

/// Which weights of a file with several, for every command that loads or inspects a model.
struct WeightsOption: ParsableArguments {
  @Option(
    name: .customLong("weights"),
    help: """
      Which weights of a PyTorch file with several, by their key: model_ema, state_dict, teacher; or of any file those \
      tensors whose names begin so (default: averaged weights before others).
      """)
  var key: String?

  /// Calls `body` with the key; its errors about the choice name the option.
  func naming<Result>(_ body: (String?) throws -> Result) throws -> Result {
    try Self.naming("--weights") { try body(key) }
  }

  /// Calls `body`; its errors about the choice of weights, which speak of the library's parameter, name `option`.
  static func naming<Result>(_ option: String, _ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch CheckpointError.ambiguousTensors(let file, let keys) {
      throw ToolError(
        "\(file): there are tensors under each of \(keys.joined(separator: ", ")); choose one: \(option) KEY")
    } catch CheckpointError.unknownWeights(let file, let key, let known) {
      let keys = known.isEmpty ? "it has one set of tensors and needs no key" : "keys: \(known.joined(separator: ", "))"
      throw ToolError("\(file): there are no tensors under '\(key)' (\(option)); \(keys)")
    } catch let error as CheckpointLayoutError {
      switch error {
      case .ambiguous, .outside: throw ToolError("\(error) (\(option) KEY)")
      default: throw error
      }
    }
  }
}
