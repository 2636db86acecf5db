import PathwayKernelTemplates
import PathwayKernels

/// The activations and gradients of a training pass, taken at once. Inputs of blocks have memory of their own. So has
/// what the backward pass reads in addition, unless blocks are recomputed; the remainder is shared by all blocks.
struct TrainingMemory {
  /// What the memory is for, in the order of the memory.
  private enum Part: String, CaseIterable {
    case stream = "inputs of blocks"
    case middle = "residual stream after attention"
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
    case panels = "packed weights of a layer"
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
  ///   - precision: of the blocks' layers: what attention reads and leaves is kept in it, sums and the residual stream
  ///     in float32.
  ///   - keepsBranches: whether LayerScale has gradients.
  ///   - recomputesBlocks: whether only one block's activations are kept.
  /// - Throws: `MemoryError`.
  init(
    _ c: VisionTransformerConfiguration, _ layers: TransformerLayers, precision: Precision, batch: Int,
    keepsBranches: Bool, recomputesBlocks: Bool, engine: Engine
  ) throws {
    let (kernels, tokens, depth) = (engine.kernels, c.tokenCount, c.depth)
    let kept = recomputesBlocks ? 1 : depth
    let rows = SystemMemory.product(batch, tokens)
    let stride = Workspace.padded(c.width)
    let qkvStride = Block.rowStride(3 * c.width, precision, kernels)
    let attendedStride = Block.rowStride(c.width, precision, kernels)
    let hiddenStride = Workspace.padded(c.hiddenWidth)
    // Patches are gathered where fc1's output is later.
    let sharedStride = max(hiddenStride, Workspace.padded(c.patchValues))
    let pooledStride = Workspace.padded(c.tokenRowWidth == 0 ? c.pooledWidth : c.tokenRowOffset + c.tokenRowWidth)
    let scratchStride = Workspace.padded(Self.scratchCount(c, layers, kernels))
    let pieces = rows / LinearGradient.rowsPerPiece + 1
    // Means of fc1's output that fc2 reads are there until they have a gradient, in bfloat16 rows.
    let qkvGradientStride =
      precision == .float32 ? qkvStride : max(qkvStride, Block.rowStride(c.hiddenWidth, precision, kernels))
    let panels = layers.blocks.flatMap(\.linears).reduce(0) {
      max($0, LinearProduct.panelCount(kernels, precision, n: $1.outputs, k: $1.inputs))
    }

    /// Floats of a row, rows of a copy, copies.
    func size(of part: Part) -> (Int, Int, copies: Int) {
      switch part {
      case .stream: (rows, stride, depth + (c.hasPreNorm ? 2 : 1))
      case .middle: (rows, stride, kept)
      case .qkv: (rows, qkvStride, kept)
      case .attended: (rows, attendedStride, kept)
      case .statistics: (rows, 2 * c.heads, kept)
      case .preActivation: (rows, hiddenStride, kept)
      case .branches: (rows, stride, keepsBranches ? 2 * kept : 0)
      case .normalized: (rows, stride, 1)
      case .hidden: (rows, sharedStride, 1)
      case .rowGradients: (rows, stride, 3)
      case .qkvGradients: (rows, qkvGradientStride, 1)
      case .meanGradients: (batch, hiddenStride, 1)
      case .partial: (pieces, 2 * c.pooledWidth, 1)
      case .pooled: (batch, pooledStride, 4)
      case .logits: (batch, c.answerCount, 2)
      case .panels: (1, panels, 1)
      case .scratch: (engine.threads, scratchStride, 1)
      }
    }
    let sizes = Part.allCases.map(size)
    let counts = try Workspace.rounded(sizes.map { SystemMemory.product($0.0, $0.1) }, batch: batch)
    let totals = zip(counts, sizes).map { SystemMemory.product($0, $1.copies) }
    let total = totals.reduce(0) { $0.addingReportingOverflow($1).overflow ? .max : $0 + $1 }
    memory = try FloatBuffer(count: total, for: .pass(batch: batch))
    let points = try c.points.map {
      try PointBuffers(c, $0, batch: batch, tokens: tokens, stride: stride, engine: engine)
    }
    parts =
      zip(Part.allCases, totals).filter { $1 > 0 }.map { ($0.rawValue, 4 * $1) }
      + (points.map { [("points and their positions", 4 * $0.floatCount)] } ?? [])

    var places: [Part: (start: UnsafeMutablePointer<Float>, count: Int)] = [:]
    var next = memory.base
    for (index, part) in Part.allCases.enumerated() {
      places[part] = (next, counts[index])
      next += totals[index]
    }
    func place(_ part: Part, _ copy: Int = 0) -> UnsafeMutablePointer<Float> {
      places[part].map { $0.start + copy * $0.count } ?? next
    }

    // Neither format has scales.
    let rowScales = UnsafeMutableRawPointer(place(.scratch)).assumingMemoryBound(to: RowScale.self)
    func buffers(x: UnsafeMutablePointer<Float>, embedded: UnsafeMutablePointer<Float>) -> Workspace.Buffers {
      let normalized = place(.pooled, c.hasHeadNorm ? 1 : 0)
      return Workspace.Buffers(
        batch: batch, tokens: tokens, x: x, embedded: embedded, y: place(.normalized), stride: stride,
        qkv: place(.qkvGradients), qkvStride: qkvStride, hidden: place(.hidden), hiddenStride: sharedStride,
        rowScales: rowScales, partial: place(.partial),
        pooledTokens: layers.finalNorm != nil && c.normalizesAfterPooling ? place(.pooled, 2) : normalized,
        pooledNormalized: normalized, pooled: place(.pooled), pooledStride: pooledStride,
        keptTokens: place(.pooled) + c.tokenRowOffset, logits: place(.logits), scratch: place(.scratch),
        scratchStride: scratchStride, points: points)
    }
    entry = buffers(x: place(.stream), embedded: place(.stream, c.hasPreNorm ? depth + 1 : 0))
    exit = buffers(x: place(.stream, depth), embedded: place(.stream, c.hasPreNorm ? depth + 1 : 0))
    blocks = (0..<depth).map { block in
      let own = block % kept
      var b = BlockBuffers(
        batch: batch, tokens: tokens, input: place(.stream, block), middle: place(.middle, own),
        output: place(.stream, block + 1), stride: stride, normalized1: place(.normalized), qkv: place(.qkv, own),
        attended: place(.attended, own), normalized2: place(.normalized), hidden: place(.hidden),
        narrowAttended: place(.hidden), narrowHidden: place(.qkvGradients), rowScales: rowScales,
        partial: place(.partial), scratch: place(.scratch), scratchStride: scratchStride)
      b.preActivation = place(.preActivation, own)
      b.statistics = place(.statistics, own)
      b.panels = place(.panels)
      if keepsBranches { (b.branch1, b.branch2) = (place(.branches, 2 * own), place(.branches, 2 * own + 1)) }
      return b
    }
    gradients = GradientBuffers(
      stream: place(.rowGradients), branch: place(.rowGradients, 1), inner: place(.rowGradients, 2), stride: stride,
      qkv: place(.qkvGradients), qkvStride: qkvStride, means: place(.meanGradients), pooled: place(.pooled, 3),
      keptTokens: place(.pooled, 3) + c.tokenRowOffset, partial: place(.partial))
    logitGradients = place(.logits, 1)
  }

  /// Floats of scratch of one member.
  private static func scratchCount(
    _ c: VisionTransformerConfiguration, _ layers: TransformerLayers, _ kernels: KernelTable
  ) -> Int {
    let attention = attentionGradientScratchCount(
      tokens: c.tokenCount, headSize: c.headSize, panelColumns: kernels.panelColumns, tileRows: kernels.tileRows)
    let widest = max(3 * c.width, c.hiddenWidth, c.classCount, c.pooledWidth)
    return max(
      attention, layers.needs(tokens: c.tokenCount, kernels).scratch,
      LinearGradient.scratchCount(kernels, n: widest))
  }
}
