import PathwayCheckpoints
import PathwayKernelTemplates
import PathwayKernels
import PathwayLoops

/// Makes a model's input into tokens, (B, N, C): what stands before the blocks.
protocol Tokenizer: Sendable {
  /// Multiply-adds of the matrix products of one input.
  var products: Double { get }
  /// Linear layers that are packed as the model stores them.
  var linears: [Linear] { get }
  /// Bytes of its weights in memory.
  func weightBytes(_ loader: WeightLoader) throws -> Int
  /// What a pass needs of the workspace.
  func needs(_ kernels: KernelTable) -> WorkspaceNeeds
  /// Brings its weights into memory.
  func loaded(by loader: some ParameterLoader) throws -> any LoadedTokenizer
  /// The tokenizer in training.
  ///
  /// - Parameter batch: most inputs of a pass.
  /// - Throws: `BindingError`; `MemoryError`.
  func trained(by loader: ArenaLoader, in places: GradientPlaces, batch: Int) throws -> any TrainedTokenizer
  /// Tokens in Double, (B N, C) of every copy in `x`, of a batch of inputs.
  ///
  /// - Throws: `InferenceError.inputShape` where a reference begins with tokens.
  func reference(_ pass: ReferencePass, _ input: Tensor, into x: DoubleBuffer) throws
}

/// A tokenizer with its weights in memory.
protocol LoadedTokenizer: Sendable {
  var weightBytes: Int { get }
  /// Tokens, (B N, C) in `w.x`, of normalised inputs.
  func embed(
    _ member: inout Member, _ kernels: KernelTable, inputs: UnsafePointer<Float>, _ w: Workspace.Buffers)
  /// The work of one pass of `batch` inputs.
  func work(batch: Int, _ kernels: KernelTable) -> ForwardWork
}

/// What layers need of a pass's workspace, in floats.
struct WorkspaceNeeds {
  /// Of `hidden`, by token.
  var hidden = 0
  /// Of every member.
  var scratch = 0

  /// What serves both.
  func union(_ other: WorkspaceNeeds) -> WorkspaceNeeds {
    WorkspaceNeeds(hidden: max(hidden, other.hidden), scratch: max(scratch, other.scratch))
  }
}

/// Class and register tokens, which stand before the tokens of an input.
struct PrefixTokens: Sendable {
  /// (1, 1, C).
  let classToken: Parameter?
  /// (1, registers, C): register tokens, or a distilled model's second token.
  let registers: Parameter?

  init(_ scope: ParameterScope, _ c: VisionTransformerConfiguration) {
    classToken = c.hasClassToken ? scope.parameter("cls_token", [1, 1, c.width], .embedding) : nil
    registers =
      c.registerTokens > 0 ? scope.parameter(c.registerName, [1, c.registerTokens, c.width], .embedding) : nil
  }

  /// In the order of their rows.
  var parameters: [Parameter] { [classToken, registers].compactMap { $0 } }

  /// Their values one after the other.
  func values(_ weights: ModelWeights) throws -> [Float] {
    try parameters.flatMap { try weights.tensor($0.name).float32() }
  }
}
