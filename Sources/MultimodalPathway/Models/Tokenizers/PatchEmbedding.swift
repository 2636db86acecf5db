import PathwayCheckpoints
import PathwayKernelTemplates
import PathwayKernels
import PathwayLoops

/// Patches of pictures, spectrograms and clips to tokens: a linear layer on every patch, positions added, class and
/// register tokens in front (Dosovitskiy et al. 2021, arXiv 2010.11929, section 3.1; tubelets as in VideoMAE).
struct PatchEmbedding: Tokenizer {
  private let c: VisionTransformerConfiguration
  let prefix: PrefixTokens
  /// (1, covered tokens, C): of all tokens, or of the patches alone.
  let positions: Parameter
  /// (C, channels, patch height, patch width), or over tubelets (C, channels, T, height, width).
  let projection: Linear
  /// CLIP's norm of the tokens before the first block.
  let preNorm: LayerNorm?

  /// - Parameter scope: the model's root.
  init(_ scope: ParameterScope, _ c: VisionTransformerConfiguration) {
    self.c = c
    prefix = PrefixTokens(scope, c)
    positions = scope.parameter("pos_embed", [1, c.positionPrefix + c.patchCount, c.width], .embedding)
    let depth = c.modality == .video ? [c.tubelet] : []
    // timm leaves the bias out where norm_pre follows, as CLIP does.
    projection = Linear(
      scope("patch_embed.proj"), c.patchValues, c.width,
      kernel: [c.channels] + depth + [c.patchSize.height, c.patchSize.width], bias: c.hasPreNorm ? .none : .full)
    preNorm = c.hasPreNorm ? LayerNorm(scope("norm_pre"), c.width, epsilon: c.epsilon) : nil
  }

  var products: Double { projection.products(rows: c.patchCount) }
  var linears: [Linear] { [projection] }

  func weightBytes(_ loader: WeightLoader) throws -> Int {
    try loader.byteCount(projection, loader.precision.patchEmbedding) + 4 * c.tokenCount * c.width
  }

  func needs(_ kernels: KernelTable) -> WorkspaceNeeds {
    WorkspaceNeeds(hidden: c.patchValues, scratch: LinearProduct.scratchCount(kernels, k: c.patchValues))
  }

  func loaded(by loader: some ParameterLoader) throws -> any LoadedTokenizer { try weights(by: loader) }

  func weights(by loader: some ParameterLoader) throws -> Loaded {
    Loaded(
      c: c, projection: try loader.linear(projection, loader.precision.patchEmbedding),
      positions: try startingRows(loader), preNorm: try preNorm?.loaded(by: loader))
  }

  /// What every token has before patches are added, (N, C): positions, plus class and register tokens in their rows.
  private func startingRows(_ loader: some ParameterLoader) throws -> FloatBuffer {
    let stored = try loader.vector(positions)
    let tokens = try prefix.parameters.map { try loader.vector($0) }
    let count = c.tokenCount * c.width
    return try loader.derived(count) { rows in
      let uncovered = count - stored.count
      rows.update(repeating: 0, count: uncovered)
      (rows + uncovered).update(from: stored.base, count: stored.count)
      var row = rows
      for token in tokens {
        for index in 0..<token.count { row[index] += token.base[index] }
        row += token.count
      }
    }
  }
}

// MARK: - Forward

extension PatchEmbedding {
  /// The patch embedding with its weights in memory.
  struct Loaded: LoadedTokenizer {
    let c: VisionTransformerConfiguration
    let projection: Linear.Loaded
    /// (N, C).
    fileprivate let positions: FloatBuffer
    let preNorm: LayerNorm.Loaded?

    var weightBytes: Int { projection.weightBytes }

    func embed(
      _ member: inout Member, _ kernels: KernelTable, inputs: UnsafePointer<Float>, _ w: Workspace.Buffers
    ) {
      gatherPatches(&member, kernels, inputs: inputs, w)
      for image in 0..<w.batch {
        var epilogue = Epilogue()
        epilogue.residual = UnsafePointer(positions.base) + c.prefixTokens * c.width
        epilogue.residualStride = c.width
        projection.run(
          &member, kernels, a: patchRows(w, kernels, from: image * c.patchCount), m: c.patchCount,
          c: w.embedded + (image * w.tokens + c.prefixTokens) * w.stride, ldc: w.stride, epilogue: epilogue,
          partial: w.partial, scratch: w.scratch(member))
      }
      member.parallelFor(w.batch * c.prefixTokens) { item in
        let (image, token) = (item / c.prefixTokens, item % c.prefixTokens)
        (w.embedded + (image * w.tokens + token) * w.stride).update(
          from: positions.base + token * c.width, count: c.width)
      }
      preNorm?.run(
        &member, kernels, x: w.embedded, xStride: w.stride, y: w.x, yStride: w.stride, rows: w.batch * w.tokens)
    }

    /// Flattened patches, (B patches, values of one), as the projection reads them.
    func patchRows(_ w: Workspace.Buffers, _ kernels: KernelTable, from row: Int = 0) -> Activations {
      let stride = Block.rowStride(c.patchValues, projection.precision, kernels)
      return Activations(w.hidden + row * stride, stride: stride)
    }

    /// Brings the patches of normalised inputs to where `patchRows` says. An item of work is a row of patches.
    func gatherPatches(
      _ member: inout Member, _ kernels: KernelTable, inputs: UnsafePointer<Float>, _ w: Workspace.Buffers
    ) {
      let (rows, columns) = (c.grid.height, c.grid.width)
      let (height, width) = (c.imageSize.height, c.imageSize.width)
      let gather = kernels.activations(projection.precision).gatherPatches
      let elementBytes = projection.precision == .bfloat16 ? 2 : 4
      // A channel's part of a tubelet is a patch of an image whose channels are the tubelet's frames.
      let channelBytes = c.patchValues / c.channels * elementBytes
      member.parallelFor(w.batch * c.slices * rows) { item in
        let (slice, first) = (item / rows, item % rows * columns)
        let (image, time) = (slice / c.slices, slice % c.slices * c.tubelet)
        let patches = patchRows(w, kernels, from: slice * rows * columns)
        let base = UnsafeMutableRawPointer(mutating: patches.base)
        for channel in 0..<c.channels {
          let source = inputs + ((image * c.channels + channel) * c.frames + time) * height * width
          let target = base + channel * channelBytes
          guard let step = c.patchStride else {
            gather(
              source, c.tubelet, height, width, c.patchSize.height, c.patchSize.width, Span1D(first, first + columns),
              target, patches.stride)
            continue
          }
          // Every overlapping patch is the first one of an image that begins at its corner.
          for column in 0..<columns {
            gather(
              source + item % rows * step.height * width + column * step.width, c.tubelet, height, width,
              c.patchSize.height, c.patchSize.width, Span1D(0, 1), target + (first + column) * patches.stride * 4,
              patches.stride)
          }
        }
        guard elementBytes == 2, c.patchValues % 2 == 1 else { return }
        // The other half of a last word.
        for patch in first..<first + columns {
          (base + patch * patches.stride * 4).storeBytes(of: 0, toByteOffset: c.patchValues * 2, as: UInt16.self)
        }
      }
    }

    func work(batch: Int, _ kernels: KernelTable) -> ForwardWork {
      let (rows, patches) = (batch * c.tokenCount, batch * c.patchCount)
      let gathered = patches * kernels.rowBytes(c.patchValues, projection.precision)
      var work = ForwardWork.moving(patches * c.patchValues + rows * c.width, bytes: gathered)
      work += projection.work(rows: patches, output: .float32, kernels)
      if let preNorm { work += preNorm.work(rows: rows) }
      return work
    }
  }
}

// MARK: - Reference

extension PatchEmbedding {
  func reference(_ pass: ReferencePass, _ input: Tensor, into x: DoubleBuffer) throws {
    let (batch, copies) = (input.shape[0], pass.copies)
    let patches = c.patchCount
    let (y, deviation) = try projection.reference(pass, self.patches(pass, input), rows: batch * patches)
    let target = pass.weights.target
    let stored = try target.tensor(positions.name).float32().map(Double.init)
    let first = try prefix.values(target).map(Double.init)
    let (width, tokens) = (c.width, c.tokenCount)
    let uncovered = tokens * width - stored.count
    let moved = try DoubleBuffer.zeros(batch * tokens * width)
    for index in 0..<copies * batch * tokens * width {
      let (place, column) = (index % (tokens * width), index % width)
      var value = place >= uncovered ? stored[place - uncovered] : 0
      let token = place / width
      var own = 0.0
      if token < c.prefixTokens {
        value += first[place]
      } else {
        let row = index / (tokens * width) * patches + token - c.prefixTokens
        value += y.base[row * width + column]
        own = deviation.base[row % (batch * patches) * width + column]
      }
      x.base[index] = value
      let rounding = unitRoundoff * value
      moved.base[index % moved.count] = (own * own + rounding * rounding).squareRoot()
    }
    pass.probe(x, moved, count: moved.count)
    if let preNorm {
      let normed = try preNorm.reference(pass, x, rows: batch * tokens)
      x.base.update(from: normed.base, count: x.count)
    }
  }

  /// The values of every patch of every copy, (copies B patches, values of one).
  private func patches(_ pass: ReferencePass, _ input: Tensor) throws -> DoubleBuffer {
    let (batch, patches) = (input.shape[0], c.patchCount)
    let pixels = try input.float32()
    let (grid, patch) = (c.grid, c.patchSize)
    let area = grid.height * grid.width
    let (imageRows, imageColumns) = (c.imageSize.height, c.imageSize.width)
    let values = try DoubleBuffer.zeros(pass.copies * batch * patches * c.patchValues)
    for item in 0..<pass.copies * batch * patches {
      let (image, place) = (item / patches % batch, item % patches)
      var destination = values.base + item * c.patchValues
      for part in 0..<c.channels * c.tubelet {
        let time = place / area * c.tubelet + part % c.tubelet
        let frame = (image * c.channels + part / c.tubelet) * c.frames + time
        for row in 0..<patch.height {
          let line = frame * imageRows + place % area / grid.width * c.step.height + row
          for column in 0..<patch.width {
            destination.pointee = Double(pixels[line * imageColumns + place % grid.width * c.step.width + column])
            destination += 1
          }
        }
      }
    }
    return values
  }
}
