import PathwayKernelTemplates
import PathwayKernels

extension Block {
  /// A block with its weights in memory.
  struct Loaded: Sendable {
    let norm1: LayerNorm.Loaded
    let attention: Attention.Loaded
    let scale1: FloatBuffer?
    let norm2: LayerNorm.Loaded
    let mlp: MLP.Loaded
    let scale2: FloatBuffer?

    /// C.
    var width: Int { norm1.width }
    /// M.
    var hiddenWidth: Int { mlp.fc2.weight.k }

    func linear(_ layer: PathwayLayer) -> Linear.Loaded {
      switch layer {
      case .qkv: attention.qkv
      case .projection: attention.projection
      case .fc1: mlp.fc1
      case .fc2: mlp.fc2
      }
    }

    /// `input`, (B N, C), through the block to `output`. Rows that `wanted` does not name are left as an intermediate
    /// result.
    func run(_ member: inout Member, _ kernels: KernelTable, _ b: BlockBuffers, computing wanted: BlockOutput) {
      switch wanted {
      case .allTokens:
        for layer in PathwayLayer.allCases {
          prepare(layer, .all(b), &member, kernels, b)
          finish(layer, .all(b), &member, kernels, b)
        }
      case .firstToken: runFirstToken(&member, kernels, b)
      case .mean(let tokens): runMean(of: tokens, &member, kernels, b)
      }
    }

    /// The same with a parallel region for every step, and `body` called between: with a layer's input when it is
    /// ready.
    func runInStages(
      _ engine: Engine, _ b: BlockBuffers, _ body: (PathwayLayer, Activations) throws -> Void
    ) throws {
      for layer in PathwayLayer.allCases {
        try engine.run { prepare(layer, .all(b), &$0, engine.kernels, b) }
        try body(layer, input(of: layer, .all(b), engine.kernels, b))
        try engine.run { finish(layer, .all(b), &$0, engine.kernels, b) }
      }
    }

    /// Attention probabilities, (B, H, N, N), of `input`; changes what attention reads and writes.
    func attentionMaps(
      _ member: inout Member, _ kernels: KernelTable, _ b: BlockBuffers, into maps: UnsafeMutablePointer<Float>
    ) {
      prepare(.qkv, .all(b), &member, kernels, b)
      finish(.qkv, .all(b), &member, kernels, b)
      attention.probabilities(&member, kernels, b, into: maps)
    }

    /// Which rows a step works on: all of them, or the first token of every input.
    struct Rows {
      let count: Int
      /// From one to the next, in tokens.
      let spacing: Int
      /// Whether a mean is taken between fc1 and fc2: fc1's output is float32 then, and rounded after the mean.
      var takesMean = false

      static func all(_ b: BlockBuffers) -> Rows { Rows(count: b.batch * b.tokens, spacing: 1) }
      static func first(_ b: BlockBuffers) -> Rows { Rows(count: b.batch, spacing: b.tokens) }
    }

    private func runFirstToken(_ member: inout Member, _ kernels: KernelTable, _ b: BlockBuffers) {
      let splits = separatesQueries(kernels)
      prepare(.qkv, .all(b), &member, kernels, b)
      finish(.qkv, .all(b), columns: splits ? width..<3 * width : nil, &member, kernels, b)
      if splits { finish(.qkv, .first(b), columns: 0..<width, isOfAll: true, &member, kernels, b) }
      for layer in [PathwayLayer.projection, .fc1, .fc2] {
        prepare(layer, .first(b), &member, kernels, b)
        finish(layer, .first(b), &member, kernels, b)
      }
    }

    private func runMean(of tokens: Range<Int>, _ member: inout Member, _ kernels: KernelTable, _ b: BlockBuffers) {
      var (all, first) = (Rows.all(b), Rows.first(b))
      (all.takesMean, first.takesMean) = (true, true)
      for layer in PathwayLayer.allCases where layer != .fc2 {
        prepare(layer, all, &member, kernels, b)
        finish(layer, all, &member, kernels, b)
      }
      member.begin(.pooling)
      takeMeans(of: tokens, b.middle, to: b.output, stride: b.stride, width: width, &member, kernels, b)
      let stride = Block.rowStride(hiddenWidth, .float32, kernels)
      takeMeans(of: tokens, b.hidden, to: b.hidden, stride: stride, width: hiddenWidth, &member, kernels, b)
      prepare(.fc2, first, &member, kernels, b)
      finish(.fc2, first, &member, kernels, b)
    }

    /// The mean of `tokens` of every input in the place of its first row of `means`, which may be `rows`.
    private func takeMeans(
      of tokens: Range<Int>, _ rows: UnsafePointer<Float>, to means: UnsafeMutablePointer<Float>, stride: Int,
      width: Int, _ member: inout Member, _ kernels: KernelTable, _ b: BlockBuffers
    ) {
      // Columns of an item of work: a pass over few inputs has items for every member.
      let columns = 256
      let parts = (width + columns - 1) / columns
      member.parallelFor(b.batch * parts) { item in
        let start = item % parts * columns
        let place = item / parts * b.tokens * stride + start
        kernels.pool(
          rows + place + tokens.lowerBound * stride, stride, tokens.count, min(columns, width - start), false,
          means + place)
      }
    }

    /// Whether Q ends where a panel ends, so that it can be computed without K.
    func separatesQueries(_ kernels: KernelTable) -> Bool { width % kernels.panelColumns == 0 }

    /// What fc1's output is stored as.
    private func hiddenPrecision(_ rows: Rows) -> Precision { rows.takesMean ? .float32 : mlp.fc2.precision.handedOn }

    /// Where a layer's input is, in its format, of all rows or of the first tokens.
    ///
    /// Those of the first tokens are as far apart as all rows would be, and int8's scales next to each other, except
    /// where all rows were prepared (`isOfAll`).
    private func input(
      of layer: PathwayLayer, _ rows: Rows, _ kernels: KernelTable, _ b: BlockBuffers, isOfAll: Bool = false
    ) -> Activations {
      let precision = linear(layer).precision
      let place: UnsafeMutablePointer<Float> =
        switch (layer, precision) {
        case (.qkv, _): b.normalized1
        case (.projection, .int8): b.narrowAttended
        case (.projection, _): b.attended
        case (.fc1, _): b.normalized2
        // Means are rounded to bfloat16 in `narrowHidden`, and from there to int8 in `hidden`.
        case (.fc2, .int8): rows.takesMean ? b.hidden : b.narrowHidden
        case (.fc2, .bfloat16): rows.takesMean ? b.narrowHidden : b.hidden
        case (.fc2, .float32): b.hidden
        }
      let stride = Block.rowStride(layer == .fc2 ? hiddenWidth : width, precision, kernels)
      return Activations(
        place, stride: stride * rows.spacing, scales: precision == .int8 ? UnsafePointer(b.rowScales) : nil,
        scaleStride: isOfAll ? rows.spacing : 1)
    }

    /// What comes before a linear layer: afterwards its input is where `input(of:)` says.
    private func prepare(
      _ layer: PathwayLayer, _ rows: Rows, _ member: inout Member, _ kernels: KernelTable, _ b: BlockBuffers
    ) {
      let target = input(of: layer, rows, kernels, b)
      func normalize(
        _ norm: LayerNorm.Loaded, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ member: inout Member
      ) {
        norm.run(
          &member, kernels, precision: linear(layer).precision, x: x, xStride: b.stride * rows.spacing, y: y,
          yStride: target.stride, rows: rows.count, scales: b.rowScales, scratch: b.scratch(member))
      }
      switch layer {
      case .qkv:
        member.begin(.norm1)
        normalize(norm1, b.input, b.normalized1, &member)
      case .projection:
        member.begin(.attention)
        attention.run(&member, kernels, b, queries: rows.spacing == 1 ? b.tokens : 1)
        if attention.projection.precision == .int8 {
          let stride = Block.rowStride(width, attention.precision, kernels) * rows.spacing
          quantize(
            &member, kernels, b.attended, stride: stride, width, rows, to: b.narrowAttended, stride: target.stride, b)
        }
      case .fc1:
        member.begin(.norm2)
        normalize(norm2, b.middle, b.normalized2, &member)
      case .fc2: narrowHidden(rows, targetStride: target.stride, &member, kernels, b)
      }
    }

    /// fc1's output in the format that fc2 reads.
    private func narrowHidden(
      _ rows: Rows, targetStride: Int, _ member: inout Member, _ kernels: KernelTable, _ b: BlockBuffers
    ) {
      guard mlp.fc2.precision != .float32 else { return }
      let half = Block.rowStride(hiddenWidth, .bfloat16, kernels) * rows.spacing
      if rows.takesMean {
        let stride = Block.rowStride(hiddenWidth, .float32, kernels) * rows.spacing
        member.parallelFor(rows.count) { row in
          roundToBFloat16(b.hidden + row * stride, hiddenWidth, to: b.narrowHidden + row * half)
        }
      }
      if mlp.fc2.precision == .int8 {
        let (source, place) = rows.takesMean ? (b.narrowHidden, b.hidden) : (b.hidden, b.narrowHidden)
        quantize(&member, kernels, source, stride: half, hiddenWidth, rows, to: place, stride: targetStride, b)
      }
    }

    /// Rows of activations, bfloat16, to int8 at `target`, and their scales.
    private func quantize(
      _ member: inout Member, _ kernels: KernelTable, _ source: UnsafeMutablePointer<Float>, stride: Int, _ width: Int,
      _ rows: Rows, to target: UnsafeMutablePointer<Float>, stride targetStride: Int, _ b: BlockBuffers
    ) {
      member.parallelForRows(rows.count) {
        kernels.quantizeRows(source, stride * 4, true, target, targetStride, $0, width, b.rowScales)
      }
    }

    /// A linear layer with what is fused into it.
    private func finish(
      _ layer: PathwayLayer, _ rows: Rows, columns: Range<Int>? = nil, isOfAll: Bool = false, _ member: inout Member,
      _ kernels: KernelTable, _ b: BlockBuffers
    ) {
      member.begin(layer.operation)
      var output: UnsafeMutablePointer<Float>
      var stride = b.stride
      var epilogue = Epilogue()
      switch layer {
      case .qkv:
        (output, stride) = (b.qkv, Block.rowStride(3 * width, attention.precision, kernels))
        epilogue.storesBFloat16 = attention.precision == .bfloat16
      case .projection:
        output = b.middle
        epilogue = residual(b.input, scale1, rows, b)
        (epilogue.kept, epilogue.factors) = (b.branch1, b.dropPath)
      case .fc1:
        mlp.activation.fuse(into: &epilogue)
        epilogue.storesBFloat16 = hiddenPrecision(rows) == .bfloat16
        (output, stride) = (b.hidden, Block.rowStride(hiddenWidth, hiddenPrecision(rows), kernels))
        let keptStride = Block.rowStride(hiddenWidth, .float32, kernels)
        (epilogue.kept, epilogue.keptStride) = (b.preActivation, keptStride * rows.spacing)
      case .fc2:
        output = b.output
        // A mean of the stream waits where it is added to.
        epilogue = residual(rows.takesMean ? b.output : b.middle, scale2, rows, b)
        (epilogue.kept, epilogue.factors) = (b.branch2, b.dropPath.map { $0 + b.batch })
      }
      linear(layer).run(
        &member, kernels, a: input(of: layer, rows, kernels, b, isOfAll: isOfAll), m: rows.count, c: output,
        ldc: stride * (epilogue.storesBFloat16 ? 2 : 1) * rows.spacing, columns: columns, epilogue: epilogue,
        partial: b.partial, panels: b.panels, scratch: b.scratch(member))
    }

    private func residual(
      _ stream: UnsafeMutablePointer<Float>, _ gamma: FloatBuffer?, _ rows: Rows, _ b: BlockBuffers
    ) -> Epilogue {
      var epilogue = Epilogue()
      epilogue.residual = UnsafePointer(stream)
      epilogue.residualStride = b.stride * rows.spacing
      epilogue.keptStride = b.stride * rows.spacing
      epilogue.rowsPerFactor = rows.spacing == 1 ? b.tokens : 1
      epilogue.gamma = gamma.map { UnsafePointer($0.base) }
      return epilogue
    }
  }

  /// Words from one row of activations to the next.
  static func rowStride(_ width: Int, _ precision: Precision, _ kernels: KernelTable) -> Int {
    Workspace.padded(kernels.products(precision).words(width))
  }
}
