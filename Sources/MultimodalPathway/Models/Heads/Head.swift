import PathwayKernelTemplates
import PathwayKernels
import PathwayLoops

/// Makes a model's answer of its pooled features, or of what its blocks leave.
protocol Head: Sendable {
  /// Multiply-adds of the matrix products of one input, as they are computed.
  var products: Double { get }
  /// Linear layers that are packed as the model stores them.
  var linears: [Linear] { get }
  /// Bytes of its weights in memory.
  func weightBytes(_ loader: WeightLoader) throws -> Int
  /// What a pass needs of the workspace.
  func needs(_ kernels: KernelTable) -> WorkspaceNeeds
  /// Brings its weights into memory.
  func loaded(by loader: some ParameterLoader) throws -> any LoadedHead
  /// The head in training.
  ///
  /// - Parameter batch: most inputs of a pass.
  /// - Throws: `BindingError`; `MemoryError`.
  func trained(by loader: ArenaLoader, in places: GradientPlaces, batch: Int) throws -> any TrainedHead
  /// Logits in Double, (rows, classes) of every copy, of what the head reads, (rows, K); nil: the head is no part of
  /// the reference.
  func reference(_ pass: ReferencePass, _ input: DoubleBuffer, rows: Int) throws -> DoubleBuffer?
}

/// A head with its weights in memory.
protocol LoadedHead: Sendable {
  var weightBytes: Int { get }
  /// Blocks whose normalised outputs it reads, ascending.
  var featureBlocks: [Int] { get }
  /// Logits in `w.logits`.
  ///
  /// - Parameter inputs: what the tokens were made of; absent in a pass over ready tokens.
  func run(_ member: inout Member, _ kernels: KernelTable, inputs: UnsafePointer<Float>?, _ w: Workspace.Buffers)
  /// The work of one pass of `batch` inputs.
  func work(batch: Int, _ kernels: KernelTable) -> ForwardWork
}

extension LoadedHead {
  var featureBlocks: [Int] { [] }
}

extension VisionTransformerConfiguration {
  /// On disk, the one layer of a head that has no hidden ones: timm's `head`, or the first of a point transformer's. A
  /// distilled model has two, whose mean is the same layer of the mean of their tokens where they are the same.
  public var linearHeadNames: [String] {
    head.isOfPoints ? ["cls_head_finetune.0"] : isDistilled ? ["head", "head_dist"] : ["head"]
  }
}
