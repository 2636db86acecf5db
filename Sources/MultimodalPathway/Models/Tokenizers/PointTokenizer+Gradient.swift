import PathwayKernelTemplates
import PathwayKernels

extension PointTokenizer {
  func trained(by loader: ArenaLoader, in places: GradientPlaces, batch: Int) throws -> any TrainedTokenizer {
    try Trained(self, by: loader, in: places, batch: batch)
  }

  /// The tokenizer in training: layer by layer over the points of all groups of a batch, since batch norms need all of
  /// them before the next layer.
  ///
  /// Rows are the R = B G K points of all groups in their order, or the B G groups.
  struct Trained: TrainedTokenizer {
    let memory: [(part: String, bytes: Int)]
    let isFrozen: Bool
    private let c: VisionTransformerConfiguration
    private let p: PointConfiguration
    private let sampler: PointSampler
    private let classToken: UnsafeMutablePointer<Float>?
    private let classPosition: UnsafeMutablePointer<Float>?
    private let first: [TrainedColumns]
    private let firstNorm: TrainedBatchNorm
    private let ofMaximum: TrainedColumns
    private let ofPoint: TrainedColumns
    private let joinedNorm: TrainedBatchNorm
    private let last: TrainedColumns
    private let position: [TrainedColumns]
    private let b: Buffers
  }
}

// MARK: - Memory

extension PointTokenizer.Trained {
  fileprivate init(
    _ declared: PointTokenizer, by loader: ArenaLoader, in places: GradientPlaces, batch: Int
  ) throws {
    (c, p) = (declared.c, declared.p)
    sampler = try declared.sampler(by: loader)
    (classToken, classPosition) = (places[declared.classToken], places[declared.classPosition])
    func layer(
      _ layer: PointwiseLinear, columns: Range<Int>? = nil, hasBias: Bool = true
    ) throws -> TrainedColumns {
      try TrainedColumns(layer, columns: columns, hasBias: hasBias, by: loader, in: places)
    }
    let rows = SystemMemory.product(batch, p.groups, p.groupSize)
    func norm(_ layer: PointwiseLinear) throws -> TrainedBatchNorm {
      guard let norm = layer.norm else { preconditionFailure("the layer has a batch norm") }
      return try TrainedBatchNorm(norm, rows: rows, by: loader, in: places)
    }
    first = try declared.first.map { try layer($0) }
    firstNorm = try norm(declared.first[0])
    let half = declared.joined.inputs / 2
    ofMaximum = try layer(declared.joined, columns: 0..<half, hasBias: false)
    ofPoint = try layer(declared.joined, columns: half..<2 * half)
    joinedNorm = try norm(declared.joined)
    last = try layer(declared.last)
    position = try declared.position.map { try layer($0) }
    let layers = first + [ofMaximum, ofPoint, last] + position
    let (norms, tokens) = ([firstNorm, joinedNorm], [classToken, classPosition])
    isFrozen =
      layers.allSatisfy(\.isFrozen) && norms.allSatisfy(\.isFrozen) && tokens.allSatisfy { $0 == nil }
    let scratch = layers.reduce(PointSampler.scratchCount(p)) { max($0, $1.scratchCount(loader.engine.kernels)) }
    b = try Buffers(c, p, batch: batch, threads: loader.engine.threads, scratch: scratch)
    let own = layers.reduce(norms.reduce(0) { $0 + $1.byteCount }) { $0 + $1.byteCount }
    memory = [("points of all groups", b.memory.byteCount), ("sums of the tokenizer", own)]
  }

  /// What a pass keeps. Strides are in floats.
  fileprivate struct Buffers {
    let memory: FloatPieces
    /// Points less their centres, (R, 3), and centres, (B G, 3).
    let neighbours: UnsafeMutablePointer<Float>
    let places: UnsafeMutablePointer<Float>
    /// Before both norms, (R, e0) and (R, e2); afterwards their gradients.
    let hidden: UnsafeMutablePointer<Float>
    let hiddenStride: Int
    let joined: UnsafeMutablePointer<Float>
    let joinedStride: Int
    /// What groups' maxima are taken of: (R, e1), and (R, C).
    let features: UnsafeMutablePointer<Float>
    let featureStride: Int
    let outputs: UnsafeMutablePointer<Float>
    let outputStride: Int
    /// Of any width.
    let shared: UnsafeMutablePointer<Float>
    let sharedStride: Int
    /// Of groups: maxima, (B G, e1), and their share of the joined layer, (B G, e2), or the gradients of both.
    let maxima: UnsafeMutablePointer<Float>
    let shares: UnsafeMutablePointer<Float>
    /// The position's layer before and after GELU, (B G, w), and positions, (B G, C).
    let positionInput: UnsafeMutablePointer<Float>
    let positionHidden: UnsafeMutablePointer<Float>
    let positions: UnsafeMutablePointer<Float>
    /// The sum of the gradients of blocks' inputs, (B N, C) with the stride of the tokens.
    let positionGradients: UnsafeMutablePointer<Float>
    private let scratch: UnsafeMutablePointer<Float>
    private let scratchStride: Int

    init(
      _ c: VisionTransformerConfiguration, _ p: PointConfiguration, batch: Int, threads: Int, scratch: Int
    ) throws {
      let (e, groups) = (p.encoderWidths, SystemMemory.product(batch, p.groups))
      let rows = SystemMemory.product(groups, p.groupSize)
      hiddenStride = Workspace.padded(e[0])
      featureStride = Workspace.padded(e[1])
      joinedStride = Workspace.padded(e[2])
      // They hold the first norm's outputs, and its gradient, in the backward pass.
      outputStride = Workspace.padded(max(c.width, e[0]))
      sharedStride = Workspace.padded(e.reduce(c.width, max))
      scratchStride = Workspace.padded(scratch)
      let perRow = [3, hiddenStride, joinedStride, featureStride, outputStride, sharedStride]
      let perGroup = [3, e[1], e[2], p.positionWidth, p.positionWidth, c.width]
      memory = try FloatPieces(
        perRow.map { SystemMemory.product(rows, $0) } + perGroup.map { SystemMemory.product(groups, $0) } + [
          SystemMemory.product(batch, c.tokenCount, Workspace.padded(c.width)),
          SystemMemory.product(threads, scratchStride),
        ], batch: batch)
      let pieces = memory.pieces
      (neighbours, hidden, joined) = (pieces[0], pieces[1], pieces[2])
      (features, outputs, shared) = (pieces[3], pieces[4], pieces[5])
      (places, maxima, shares) = (pieces[6], pieces[7], pieces[8])
      (positionInput, positionHidden, positions) = (pieces[9], pieces[10], pieces[11])
      positionGradients = pieces[12]
      self.scratch = pieces[13]
    }

    func scratch(_ member: borrowing Member) -> UnsafeMutablePointer<Float> { scratch + member.index * scratchStride }
  }
}

// MARK: - Forward

extension PointTokenizer.Trained {
  func embed(
    _ member: inout Member, _ kernels: KernelTable, inputs: UnsafePointer<Float>, _ w: Workspace.Buffers
  ) {
    guard let points = w.points else { return }
    let (e, size, scratch) = (p.encoderWidths, p.groupSize, b.scratch(member))
    let groups = w.batch * p.groups
    let rows = groups * size
    member.parallelFor(w.batch) { cloud in
      sampler.sample(kernels, inputs + cloud * p.points * 3, cloud, w, points)
    }
    member.parallelFor(groups) { item in
      let group = item % p.groups
      sampler.gather(
        kernels, item / p.groups, Span1D(group, group + 1), points, neighbours: b.neighbours + item * size * 3,
        places: b.places + item * 3, scratch: scratch)
    }
    first[0].run(
      &member, kernels, x: b.neighbours, xStride: 3, rows: rows, y: b.hidden, yStride: b.hiddenStride, scratch: scratch)
    firstNorm.measure(&member, kernels, x: b.hidden, xStride: b.hiddenStride, rows: rows)
    firstNorm.run(
      &member, kernels, x: b.hidden, xStride: b.hiddenStride, y: b.shared, yStride: b.sharedStride, rows: rows)
    first[1].run(
      &member, kernels, x: b.shared, xStride: b.sharedStride, rows: rows, y: b.features, yStride: b.featureStride,
      scratch: scratch)
    member.parallelFor(groups) { group in
      kernels.pool(
        b.features + group * size * b.featureStride, b.featureStride, size, e[1], true, b.maxima + group * e[1])
    }
    ofMaximum.run(
      &member, kernels, x: b.maxima, xStride: e[1], rows: groups, y: b.shares, yStride: e[2], scratch: scratch)
    member.parallelForRows(rows) { range in
      for row in range.start..<range.end {
        (b.joined + row * b.joinedStride).update(from: b.shares + row / size * e[2], count: e[2])
      }
    }
    var epilogue = Epilogue()
    epilogue.addend = UnsafePointer(b.joined)
    epilogue.addendStride = b.joinedStride
    ofPoint.run(
      &member, kernels, x: b.features, xStride: b.featureStride, rows: rows, y: b.joined, yStride: b.joinedStride,
      epilogue: epilogue, scratch: scratch)
    joinedNorm.measure(&member, kernels, x: b.joined, xStride: b.joinedStride, rows: rows)
    joinedNorm.run(
      &member, kernels, x: b.joined, xStride: b.joinedStride, y: b.shared, yStride: b.sharedStride, rows: rows)
    last.run(
      &member, kernels, x: b.shared, xStride: b.sharedStride, rows: rows, y: b.outputs, yStride: b.outputStride,
      scratch: scratch)
    embedCenters(&member, kernels, groups: groups, scratch: scratch)
    member.parallelFor(groups) { group in
      let place = tokenPlace(group, w)
      kernels.pool(
        b.outputs + group * size * b.outputStride, b.outputStride, size, c.width, true, w.x + place)
      (points.positions + place).update(from: b.positions + group * c.width, count: c.width)
    }
  }

  /// Where a group's token begins.
  private func tokenPlace(_ group: Int, _ w: Workspace.Buffers) -> Int {
    (group / p.groups * w.tokens + c.prefixTokens + group % p.groups) * w.stride
  }

  private func embedCenters(
    _ member: inout Member, _ kernels: KernelTable, groups: Int, scratch: UnsafeMutablePointer<Float>
  ) {
    let width = p.positionWidth
    var epilogue = Epilogue()
    epilogue.appliesGELU = true
    (epilogue.kept, epilogue.keptStride) = (b.positionInput, width)
    position[0].run(
      &member, kernels, x: b.places, xStride: 3, rows: groups, y: b.positionHidden, yStride: width, epilogue: epilogue,
      scratch: scratch)
    position[1].run(
      &member, kernels, x: b.positionHidden, xStride: width, rows: groups, y: b.positions, yStride: c.width,
      scratch: scratch)
  }
}

// MARK: - Backward

extension PointTokenizer.Trained {
  func noteBlockGradient(_ member: inout Member, _ w: Workspace.Buffers, _ g: GradientBuffers, isFirst: Bool) {
    member.parallelForRows(w.batch * w.tokens) { range in
      for row in range.start..<range.end {
        let (sum, own) = (b.positionGradients + row * w.stride, g.stream + row * g.stride)
        if isFirst {
          sum.update(from: own, count: c.width)
        } else {
          for column in 0..<c.width { sum[column] += own[column] }
        }
      }
    }
  }

  ///     tokens = max(last(relu(norm(ofMaximum(max(features)) + ofPoint(features)))))
  ///     features = first[1](relu(norm(first[0](points))))
  func runGradient(
    _ member: inout Member, _ kernels: KernelTable, inputs _: UnsafePointer<Float>, _ w: Workspace.Buffers,
    _ g: GradientBuffers
  ) {
    let (e, size, scratch) = (p.encoderWidths, p.groupSize, b.scratch(member))
    let groups = w.batch * p.groups
    let rows = groups * size
    func addPrefix(_ rows: UnsafeMutablePointer<Float>, into place: UnsafeMutablePointer<Float>?) {
      guard let place else { return }
      member.parallelFor(1) { _ in kernels.gradients.addRows(rows, w.tokens * w.stride, w.batch, c.width, place) }
    }
    addPrefix(g.stream, into: classToken)
    addPrefix(b.positionGradients, into: classPosition)
    member.parallelFor(groups) { group in
      let place = tokenPlace(group, w)
      (b.positions + group * c.width).update(from: b.positionGradients + place, count: c.width)
      let outputs = b.outputs + group * size * b.outputStride
      kernels.pointTraining.maximumGradient(
        g.stream + place, outputs, b.outputStride, outputs, b.outputStride, size, c.width, false)
    }
    runCenterGradient(&member, kernels, groups: groups, scratch: scratch)

    joinedNorm.run(
      &member, kernels, x: b.joined, xStride: b.joinedStride, y: b.shared, yStride: b.sharedStride, rows: rows)
    last.addGradients(
      &member, kernels, dy: b.outputs, dyStride: b.outputStride, x: b.shared, xStride: b.sharedStride, rows: rows,
      scratch: scratch)
    last.inputGradient(
      &member, kernels, dy: b.outputs, dyStride: b.outputStride, rows: rows, dx: b.shared, dxStride: b.sharedStride,
      scratch: scratch)
    joinedNorm.runGradient(
      &member, kernels, x: b.joined, xStride: b.joinedStride, dy: b.shared, dyStride: b.sharedStride, dx: b.joined,
      dxStride: b.joinedStride, rows: rows)
    ofPoint.addGradients(
      &member, kernels, dy: b.joined, dyStride: b.joinedStride, x: b.features, xStride: b.featureStride, rows: rows,
      scratch: scratch)
    ofPoint.inputGradient(
      &member, kernels, dy: b.joined, dyStride: b.joinedStride, rows: rows, dx: b.shared, dxStride: b.sharedStride,
      scratch: scratch)
    member.parallelFor(groups) { group in
      let sum = b.shares + group * e[2]
      sum.update(repeating: 0, count: e[2])
      kernels.gradients.addRows(b.joined + group * size * b.joinedStride, b.joinedStride, size, e[2], sum)
    }
    ofMaximum.addGradients(
      &member, kernels, dy: b.shares, dyStride: e[2], x: b.maxima, xStride: e[1], rows: groups, scratch: scratch)
    ofMaximum.inputGradient(
      &member, kernels, dy: b.shares, dyStride: e[2], rows: groups, dx: b.maxima, dxStride: e[1], scratch: scratch)
    member.parallelFor(groups) { group in
      let first = group * size
      kernels.pointTraining.maximumGradient(
        b.maxima + group * e[1], b.features + first * b.featureStride, b.featureStride,
        b.shared + first * b.sharedStride, b.sharedStride, size, e[1], true)
    }
    runFirstGradient(&member, kernels, rows: rows, scratch: scratch)
  }

  /// From the features, whose gradient is in `b.shared`, to the points.
  private func runFirstGradient(
    _ member: inout Member, _ kernels: KernelTable, rows: Int, scratch: UnsafeMutablePointer<Float>
  ) {
    firstNorm.run(
      &member, kernels, x: b.hidden, xStride: b.hiddenStride, y: b.outputs, yStride: b.outputStride, rows: rows)
    first[1].addGradients(
      &member, kernels, dy: b.shared, dyStride: b.sharedStride, x: b.outputs, xStride: b.outputStride, rows: rows,
      scratch: scratch)
    first[1].inputGradient(
      &member, kernels, dy: b.shared, dyStride: b.sharedStride, rows: rows, dx: b.outputs, dxStride: b.outputStride,
      scratch: scratch)
    firstNorm.runGradient(
      &member, kernels, x: b.hidden, xStride: b.hiddenStride, dy: b.outputs, dyStride: b.outputStride, dx: b.hidden,
      dxStride: b.hiddenStride, rows: rows)
    first[0].addGradients(
      &member, kernels, dy: b.hidden, dyStride: b.hiddenStride, x: b.neighbours, xStride: 3, rows: rows,
      scratch: scratch)
  }

  ///     positions = position[1](gelu(position[0](centres)))
  private func runCenterGradient(
    _ member: inout Member, _ kernels: KernelTable, groups: Int, scratch: UnsafeMutablePointer<Float>
  ) {
    let width = p.positionWidth
    position[1].addGradients(
      &member, kernels, dy: b.positions, dyStride: c.width, x: b.positionHidden, xStride: width, rows: groups,
      scratch: scratch)
    var epilogue = Epilogue()
    (epilogue.slopeOf, epilogue.slopeStride) = (UnsafePointer(b.positionInput), width)
    position[1].inputGradient(
      &member, kernels, dy: b.positions, dyStride: c.width, rows: groups, dx: b.positionHidden, dxStride: width,
      epilogue: epilogue, scratch: scratch)
    position[0].addGradients(
      &member, kernels, dy: b.positionHidden, dyStride: width, x: b.places, xStride: 3, rows: groups, scratch: scratch)
  }
}
