import PathwayCheckpoints
import PathwayKernels

/// What a forward pass computed.
public struct ForwardOutput: Sendable {
  /// (B, classes); (B, P, classes) log-probabilities of a per-point head; without a head, `pooled`.
  public let logits: Tensor
  /// (B, C): what the head reads; (B, 2C) for the class token and the maximum.
  public let pooled: Tensor
  /// (B, N, C): all tokens after the final norm, where asked for.
  public let features: Tensor?
  /// (B, N, C) by block: all tokens as they leave it, where asked for.
  public let blocks: [Int: Tensor]
  /// (B, H, N, N): attention probabilities of the block asked for.
  public let attention: Tensor?
}

/// Why an input does not fit a model.
public enum InferenceError: CodedError, Equatable {
  /// An input of another shape or element type than the model takes.
  case inputShape(expected: String, found: [Int])
  /// An input with NaN or infinity where only finite numbers can be compared.
  case inputNotFinite
  /// A block, from 0, that the model does not have.
  case blockOutOfRange(found: Int, depth: Int)
  /// A workspace made for fewer inputs than the batch has.
  case workspaceTooSmall(batch: Int, found: Int)
  /// Memory for the output of another size than the output, both in floats.
  case outputCount(expected: Int, found: Int)
  /// Categories of clouds that are not as many as the clouds, or that the model does not know.
  case categories(expected: String, found: [Int])

  /// The identifier of the case, stable within a major version.
  public var code: String {
    switch self {
    case .inputShape: "inference.input-shape"
    case .inputNotFinite: "inference.input-not-finite"
    case .blockOutOfRange: "inference.block-out-of-range"
    case .workspaceTooSmall: "inference.workspace-too-small"
    case .outputCount: "inference.output-count"
    case .categories: "inference.categories"
    }
  }

  /// What was found, what was expected and what to do, on one line: text from files is escaped.
  public var description: String { text.onOneLine() }

  private var text: String {
    switch self {
    case .inputShape(let expected, let found): "the input has shape \(found), expected \(expected)"
    case .inputNotFinite: "the input holds infinities or NaN; only finite numbers can be compared"
    case .blockOutOfRange(let found, let depth): "there is no block \(found); the model has blocks 0...\(depth - 1)"
    case .workspaceTooSmall(let batch, let found):
      "the workspace holds \(found) images, the batch has \(batch); make it with workspace(batch: \(batch))"
    case .categories(let expected, let found): "categories \(found) do not fit, expected \(expected)"
    case .outputCount(let expected, let found): "the output has room for \(found) floats, expected \(expected)"
    }
  }
}

extension VisionTransformer {
  /// Logits, (B, classes), of normalised images, (B, channels, H, W), clips, (B, channels, T, H, W), or point clouds,
  /// (B, P, 3).
  ///
  /// - Throws: `InferenceError`; `EngineError`; `MemoryError`.
  public func callAsFunction(_ images: Tensor) throws -> Tensor { try forward(images).logits }

  /// A forward pass over normalised images, (B, channels, H, W) float32, clips, (B, channels, T, H, W), or point
  /// clouds, (B, P, 3).
  ///
  /// - Parameters:
  ///   - blocks: blocks whose outputs are wanted.
  ///   - attention: the block whose attention probabilities are wanted: memory B x H x N x N.
  ///   - categories: the number of every cloud's category, for a per-point head; absent: none is known.
  /// - Throws: `InferenceError`; `EngineError`; `MemoryError`.
  public func forward(
    _ images: Tensor, features wantsFeatures: Bool = false, blocks: [Int] = [], attention: Int? = nil,
    categories: [Int] = [], workspace: Workspace? = nil
  ) throws -> ForwardOutput {
    let batch = try batchSize(of: images)
    let workspace = try workspace ?? self.workspace(batch: batch)
    try note(categories, batch: batch, workspace)
    return try collect(images, batch, workspace, wantsFeatures, blocks, attention) { pointer, taps in
      try run(images: pointer, batch: batch, workspace, taps: taps)
    }
  }

  /// The same for the logits alone, (B, classes), into memory of the caller's: allocates nothing.
  ///
  /// - Parameters:
  ///   - logits: B x classes floats; B x P x classes of a per-point head; without a head, B x C pooled features.
  ///   - categories: as above.
  /// - Throws: `InferenceError`, before anything is written.
  public func forward(
    _ images: Tensor, into logits: inout MutableSpan<Float>, categories: [Int] = [], workspace: Workspace
  ) throws {
    let batch = try batchSize(of: images)
    guard batch <= workspace.batch else { throw InferenceError.workspaceTooSmall(batch: batch, found: workspace.batch) }
    let c = configuration
    let (source, stride, width) = workspace.results(c)
    guard logits.count == batch * width else {
      throw InferenceError.outputCount(expected: batch * width, found: logits.count)
    }
    try note(categories, batch: batch, workspace)
    try images.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      try run(images: base.assumingMemoryBound(to: Float.self), batch: batch, workspace)
    }
    for image in 0..<batch {
      for column in 0..<width { logits[image * width + column] = source[image * stride + column] }
    }
    withExtendedLifetime(workspace) {}
  }

  /// B of images that fit the model.
  private func batchSize(of images: Tensor) throws -> Int {
    let shape = images.shape
    guard let batch = shape.first, batch > 0, shape.dropFirst().elementsEqual(inputShape),
      images.elementType == .float32
    else {
      throw InferenceError.inputShape(
        expected: "(B, \(inputShape.map(String.init).joined(separator: ", "))) float32", found: shape)
    }
    return batch
  }

  /// Writes the categories of a pass into its workspace.
  private func note(_ categories: [Int], batch: Int, _ workspace: Workspace) throws {
    guard let buffers = workspace.buffers.points else { return }
    let known = (configuration.parts?.categories ?? []).indices
    guard categories.isEmpty || categories.count == batch, categories.allSatisfy(known.contains) else {
      throw InferenceError.categories(
        expected: "none, or for each of \(batch) clouds one of 0..<\(known.count)", found: categories)
    }
    guard batch <= workspace.batch else { return }
    for cloud in 0..<batch { buffers.categories[cloud] = categories.isEmpty ? -1 : Int32(categories[cloud]) }
  }

  /// A forward pass of the blocks, final norm and head over ready tokens, (B, N, C) float32, of any N: for tokens of
  /// other modalities and for verification. Positions are the tokens' own business; a per-point head, which needs
  /// points, is left out.
  ///
  /// - Throws: `InferenceError`; `EngineError`; `MemoryError`.
  public func forward(
    tokens: Tensor, features wantsFeatures: Bool = false, blocks: [Int] = []
  ) throws -> ForwardOutput {
    guard tokens.shape.count == 3, tokens.shape[2] == configuration.width, tokens.count > 0,
      tokens.elementType == .float32
    else { throw InferenceError.inputShape(expected: "(B, N, \(configuration.width)) float32", found: tokens.shape) }
    let batch = tokens.shape[0]
    let workspace = try self.workspace(batch: batch, tokens: tokens.shape[1])
    return try collect(tokens, batch, workspace, wantsFeatures, blocks, nil, hasPoints: false) { pointer, taps in
      try run(tokens: pointer, batch: batch, workspace, taps: taps)
    }
  }

  private func collect(
    _ input: Tensor, _ batch: Int, _ workspace: Workspace, _ wantsFeatures: Bool, _ blocks: [Int], _ attention: Int?,
    hasPoints: Bool = true, _ pass: (UnsafePointer<Float>, Taps) throws -> Void
  ) throws -> ForwardOutput {
    guard batch <= workspace.batch else {
      throw InferenceError.workspaceTooSmall(batch: batch, found: workspace.batch)
    }
    for block in blocks + (attention.map { [$0] } ?? []) where !(0..<configuration.depth).contains(block) {
      throw InferenceError.blockOutOfRange(found: block, depth: configuration.depth)
    }
    let c = configuration
    let shape = [batch, workspace.tokens, c.width]
    let wanted = Set(blocks).sorted()
    let tensors = SystemMemory.product(shape.reduce(1, *), wanted.count + (wantsFeatures ? 1 : 0), 4)
    let mapBytes = attention == nil ? 0 : SystemMemory.product(batch, c.heads, workspace.tokens, workspace.tokens, 4)
    try SystemMemory.require(
      tensors.addingReportingOverflow(mapBytes).overflow ? .max : tensors + mapBytes, for: .results)
    // Outputs are tensors being initialised; taps point into them.
    var taps = Taps()
    let featureTensor = wantsFeatures ? Tensor(shape: shape) { taps.features = $0.baseAddress } : nil
    var blockTensors: [Int: Tensor] = [:]
    for block in wanted {
      blockTensors[block] = Tensor(shape: shape) {
        if let base = $0.baseAddress { taps.blocks.append((block, base)) }
      }
    }
    let maps = attention.map { block in
      Tensor(shape: [batch, c.heads, workspace.tokens, workspace.tokens]) {
        if let base = $0.baseAddress { taps.attention = (block, base) }
      }
    }
    // SAFETY: the tensors' memory stays where it is and is not shared yet; the pass writes all of it.
    try input.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      try pass(base.assumingMemoryBound(to: Float.self), taps)
    }
    let buffers = workspace.buffers
    let pooled = Tensor(shape: [batch, c.pooledWidth]) { destination in
      for index in destination.indices {
        destination[index] = buffers.pooled[index / c.pooledWidth * buffers.pooledStride + index % c.pooledWidth]
      }
    }
    let logits =
      c.classCount == 0 || (c.parts != nil && !hasPoints)
      ? pooled
      : Tensor(shape: [batch] + c.answerShape) { destination in
        for index in destination.indices { destination[index] = buffers.logits[index] }
      }
    defer { withExtendedLifetime(workspace) {} }
    return ForwardOutput(
      logits: logits, pooled: pooled, features: featureTensor, blocks: blockTensors, attention: maps)
  }
}
