import PathwayKernelTemplates
import PathwayKernels

/// The activations and gradients of a training pass, taken at once. What the backward pass reads has memory of its own,
/// the remainder is shared by all blocks.
struct TrainingMemory {
  /// What the memory is for, in the order of the memory.
  private enum Part: String, CaseIterable {
    case stream = "residual stream"
    case qkv = "queries, keys and values"
    case attended = "attention"
    case statistics = "attention's statistics"
    case preActivation = "before the activation"
    case branches = "branches"
    case normalized = "normalised rows"
    case hidden = "hidden rows"
    case rowGradients = "gradients of rows"
    case qkvGradients = "gradients of queries, keys and values"
    case meanGradients = "gradients of means"
    case partial = "sums of pieces"
    case pooled = "pooled features"
    case logits = "logits"
    case scratch = "scratch"
  }

  /// Where tokens are made, and where they leave the last block: x is the first and the last copy of the stream.
  let entry: Workspace.Buffers
  let exit: Workspace.Buffers
  let blocks: [BlockBuffers]
  let gradients: GradientBuffers
  let logitGradients: UnsafeMutablePointer<Float>
  /// Bytes by part.
  let parts: [(part: String, bytes: Int)]
  private let memory: FloatBuffer

  /// - Parameters:
  ///   - layers: those of `c`.
  ///   - keepsBranches: whether LayerScale has gradients.
  /// - Throws: `MemoryError`.
  init(
    _ c: VisionTransformerConfiguration, _ layers: TransformerLayers, batch: Int, keepsBranches: Bool, engine: Engine
  ) throws {
    let (kernels, tokens, depth) = (engine.kernels, c.tokenCount, c.depth)
    let rows = SystemMemory.product(batch, tokens)
    let (stride, qkvStride) = (Workspace.padded(c.width), Workspace.padded(3 * c.width))
    let hiddenStride = Workspace.padded(c.hiddenWidth)
    // Patches are gathered where fc1's output is later.
    let sharedStride = max(hiddenStride, Workspace.padded(c.patchValues))
    let pooledStride = Workspace.padded(c.pooledWidth)
    let scratchStride = Workspace.padded(Self.scratchCount(c, layers, kernels))
    let pieces = rows / LinearGradient.rowsPerPiece + 1

    /// Floats of a row, rows of a copy, copies.
    func size(of part: Part) -> (Int, Int, copies: Int) {
      switch part {
      case .stream: (rows, stride, 2 * depth + (c.hasPreNorm ? 2 : 1))
      case .qkv: (rows, qkvStride, depth)
      case .attended: (rows, stride, depth)
      case .statistics: (rows, 2 * c.heads, depth)
      case .preActivation: (rows, hiddenStride, depth)
      case .branches: (rows, stride, keepsBranches ? 2 * depth : 0)
      case .normalized: (rows, stride, 1)
      case .hidden: (rows, sharedStride, 1)
      case .rowGradients: (rows, stride, 3)
      case .qkvGradients: (rows, qkvStride, 1)
      case .meanGradients: (batch, hiddenStride, 1)
      case .partial: (pieces, 2 * c.pooledWidth, 1)
      case .pooled: (batch, pooledStride, 4)
      case .logits: (batch, c.answerCount, 2)
      case .scratch: (engine.threads, scratchStride, 1)
      }
    }
    let sizes = Part.allCases.map(size)
    let counts = try Workspace.rounded(sizes.map { SystemMemory.product($0.0, $0.1) }, batch: batch)
    let totals = zip(counts, sizes).map { SystemMemory.product($0, $1.copies) }
    let total = totals.reduce(0) { $0.addingReportingOverflow($1).overflow ? .max : $0 + $1 }
    memory = try FloatBuffer(count: total, for: .pass(batch: batch))
    parts = zip(Part.allCases, totals).filter { $1 > 0 }.map { ($0.rawValue, 4 * $1) }

    var places: [Part: (start: UnsafeMutablePointer<Float>, count: Int)] = [:]
    var next = memory.base
    for (index, part) in Part.allCases.enumerated() {
      places[part] = (next, counts[index])
      next += totals[index]
    }
    func place(_ part: Part, _ copy: Int = 0) -> UnsafeMutablePointer<Float> {
      places[part].map { $0.start + copy * $0.count } ?? next
    }

    // float32 has no scales.
    let rowScales = UnsafeMutableRawPointer(place(.scratch)).assumingMemoryBound(to: RowScale.self)
    func buffers(x: UnsafeMutablePointer<Float>, embedded: UnsafeMutablePointer<Float>) -> Workspace.Buffers {
      let normalized = place(.pooled, c.hasHeadNorm ? 1 : 0)
      return Workspace.Buffers(
        batch: batch, tokens: tokens, x: x, embedded: embedded, y: place(.normalized), stride: stride,
        qkv: place(.qkvGradients), qkvStride: qkvStride, hidden: place(.hidden), hiddenStride: sharedStride,
        rowScales: rowScales, partial: place(.partial),
        pooledTokens: layers.finalNorm != nil && c.normalizesAfterPooling ? place(.pooled, 2) : normalized,
        pooledNormalized: normalized, pooled: place(.pooled), pooledStride: pooledStride, keptTokens: place(.pooled),
        logits: place(.logits), scratch: place(.scratch), scratchStride: scratchStride, points: nil)
    }
    entry = buffers(x: place(.stream), embedded: place(.stream, c.hasPreNorm ? 2 * depth + 1 : 0))
    exit = buffers(x: place(.stream, 2 * depth), embedded: place(.stream, c.hasPreNorm ? 2 * depth + 1 : 0))
    blocks = (0..<depth).map { block in
      var b = BlockBuffers(
        batch: batch, tokens: tokens, input: place(.stream, 2 * block), middle: place(.stream, 2 * block + 1),
        output: place(.stream, 2 * block + 2), stride: stride, normalized1: place(.normalized), qkv: place(.qkv, block),
        attended: place(.attended, block), normalized2: place(.normalized), hidden: place(.hidden),
        narrowAttended: place(.hidden), narrowHidden: place(.qkvGradients), rowScales: rowScales,
        partial: place(.partial), scratch: place(.scratch), scratchStride: scratchStride)
      b.preActivation = place(.preActivation, block)
      b.statistics = place(.statistics, block)
      if keepsBranches { (b.branch1, b.branch2) = (place(.branches, 2 * block), place(.branches, 2 * block + 1)) }
      return b
    }
    gradients = GradientBuffers(
      stream: place(.rowGradients), branch: place(.rowGradients, 1), inner: place(.rowGradients, 2), stride: stride,
      qkv: place(.qkvGradients), qkvStride: qkvStride, means: place(.meanGradients), pooled: place(.pooled, 3),
      partial: place(.partial))
    logitGradients = place(.logits, 1)
  }

  /// Floats of scratch of one member.
  private static func scratchCount(
    _ c: VisionTransformerConfiguration, _ layers: TransformerLayers, _ kernels: KernelTable
  ) -> Int {
    let attention = attentionGradientScratchCount(
      tokens: c.tokenCount, headSize: c.headSize, panelColumns: kernels.panelColumns, tileRows: kernels.tileRows)
    let widest = max(3 * c.width, c.hiddenWidth, c.classCount)
    return max(
      attention, layers.needs(tokens: c.tokenCount, kernels).scratch,
      LinearGradient.scratchCount(kernels, n: widest))
  }
}
