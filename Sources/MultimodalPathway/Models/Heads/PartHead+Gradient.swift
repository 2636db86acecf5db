import Foundation
import PathwayKernelTemplates
import PathwayKernels

extension PartHead {
  func trained(by loader: ArenaLoader, in places: GradientPlaces, batch: Int) throws -> any TrainedHead {
    try Trained(self, by: loader, in: places, batch: batch)
  }

  /// The head in training: layer by layer over the points of a batch, since batch norms need all of them before the
  /// next layer.
  ///
  /// Rows are the R = B P points of all clouds in their order, the B G centres, or the B clouds.
  struct Trained: TrainedHead {
    let memory: [(part: String, bytes: Int)]
    let blockFeatures: BlockFeatures?
    fileprivate let c: VisionTransformerConfiguration
    fileprivate let p: PartConfiguration
    fileprivate let pointCount: Int
    fileprivate let label: TrainedColumns
    fileprivate let labelNorm: TrainedBatchNorm
    /// Propagation's first layer: of the centres' features, without bias, and of the point's coordinates.
    fileprivate let ofFeatures: TrainedColumns
    fileprivate let ofCoordinates: TrainedColumns
    fileprivate let second: TrainedColumns
    /// The per-point MLP's first layer: of the propagated features, of the features' maximum and mean, and of the
    /// category's embedding.
    fileprivate let ofPoint: TrainedColumns
    fileprivate let ofCloud: TrainedColumns
    fileprivate let ofCategory: TrainedColumns
    fileprivate let third: TrainedColumns
    fileprivate let last: TrainedColumns
    /// Of propagation's layers, and of the per-point MLP's.
    fileprivate let norms: [TrainedBatchNorm]
    fileprivate let b: Buffers
  }
}

// MARK: - Memory

extension PartHead.Trained {
  fileprivate init(_ declared: PartHead, by loader: ArenaLoader, in places: GradientPlaces, batch: Int) throws {
    (c, p, pointCount) = (declared.c, declared.p, declared.pointCount)
    func layer(
      _ layer: PointwiseLinear, columns: Range<Int>? = nil, hasBias: Bool = true
    ) throws -> TrainedColumns {
      try TrainedColumns(layer, columns: columns, hasBias: hasBias, by: loader, in: places)
    }
    func norm(_ layer: PointwiseLinear, rows: Int, slope: Float = 0) throws -> TrainedBatchNorm {
      guard let norm = layer.norm else { preconditionFailure("the layer has a batch norm") }
      return try TrainedBatchNorm(norm, rows: rows, slope: slope, by: loader, in: places)
    }
    label = try layer(declared.label)
    labelNorm = try norm(declared.label, rows: batch, slope: 0.2)
    let (spread, joined) = (declared.propagation[0], declared.joined)
    ofFeatures = try layer(spread, columns: 3..<spread.inputs, hasBias: false)
    ofCoordinates = try layer(spread, columns: 0..<3)
    second = try layer(declared.propagation[1])
    let (own, category) = (declared.ownWidth, joined.inputs - declared.p.categoryWidth)
    ofPoint = try layer(joined, columns: 0..<own, hasBias: false)
    ofCloud = try layer(joined, columns: own..<category, hasBias: false)
    ofCategory = try layer(joined, columns: category..<joined.inputs)
    third = try layer(declared.third)
    last = try layer(declared.last)
    let rows = SystemMemory.product(batch, declared.pointCount)
    norms = try (declared.propagation + [joined, declared.third]).map { try norm($0, rows: rows) }
    let layers = [label, ofFeatures, ofCoordinates, second, ofPoint, ofCloud, ofCategory, third, last]
    let kernels = loader.engine.kernels
    b = try Buffers(
      declared, batch: batch, threads: loader.engine.threads,
      scratch: layers.reduce(8 + nearestScratchCount(neighbours: 3)) { max($0, $1.scratchCount(kernels)) })
    blockFeatures = BlockFeatures(
      blocks: declared.p.featureBlocks, outputs: b.blockOutputs, gradients: b.featureGradients,
      stride: b.featureStride, normSums: b.normSums)
    let ofNorms = norms.reduce(labelNorm.byteCount) { $0 + $1.byteCount }
    memory = [
      ("points of all clouds", b.memory.byteCount),
      ("sums of the head", layers.reduce(ofNorms) { $0 + $1.byteCount }),
    ]
  }

  /// The category's batch norm is over clouds.
  var leastBatch: Int { 2 }

  /// What a pass keeps. Strides are in floats.
  fileprivate struct Buffers {
    let memory: FloatPieces
    /// The outputs of the blocks that are read, (B G, C) with the stride of the tokens.
    let blockOutputs: [UnsafeMutablePointer<Float>]
    /// (B G, F C).
    let featureGradients: UnsafeMutablePointer<Float>
    let featureStride: Int
    let normSums: UnsafeMutablePointer<Float>
    /// The 3 centres nearest to every point, and their shares, (R, 3).
    let nearest: UnsafeMutablePointer<Int32>
    let shares: UnsafeMutablePointer<Float>
    /// Before every norm, (R, width); afterwards the gradient.
    let hidden: [UnsafeMutablePointer<Float>]
    let hiddenStrides: [Int]
    /// Of any width, (R, width).
    let outputs: UnsafeMutablePointer<Float>
    let outputStride: Int
    /// Before the log-softmax, the gradient, (R, classes).
    let logitGradients: UnsafeMutablePointer<Float>
    /// Of clouds: one-hot categories, the embedding before and after its norm, (B, width); the gradient of what the
    /// points share, (B, w), and that of features' maximum and mean, (B, 2 F C).
    let oneHot: UnsafeMutablePointer<Float>
    let embeddingInput: UnsafeMutablePointer<Float>
    let embedding: UnsafeMutablePointer<Float>
    let sharedGradients: UnsafeMutablePointer<Float>
    let globalGradients: UnsafeMutablePointer<Float>
    private let scratch: UnsafeMutablePointer<Float>
    private let scratchStride: Int

    init(_ head: PartHead, batch: Int, threads: Int, scratch: Int) throws {
      let (c, p, blocks) = (head.c, head.p, head.p.featureBlocks.count)
      let (centers, points) = (
        SystemMemory.product(batch, head.groups), SystemMemory.product(batch, head.pointCount)
      )
      let widths = p.propagation(width: c.width) + p.pointWidths
      hiddenStrides = widths.map(Workspace.padded)
      outputStride = Workspace.padded(widths.reduce(0, max))
      featureStride = Workspace.padded(head.featureWidth)
      scratchStride = Workspace.padded(scratch)
      let perCenter = Array(repeating: Workspace.padded(c.width), count: blocks) + [featureStride]
      let perPoint = [3, 3, outputStride, c.classCount] + hiddenStrides
      let perCloud = [
        p.categories.count, p.categoryWidth, p.categoryWidth, p.pointWidths[0], 2 * head.featureWidth,
      ]
      var counts = perCenter.map { SystemMemory.product(centers, $0) }
      counts += perPoint.map { SystemMemory.product(points, $0) }
      counts += perCloud.map { SystemMemory.product(batch, $0) }
      counts += [2 * c.width, SystemMemory.product(threads, scratchStride)]
      memory = try FloatPieces(counts, batch: batch)
      let pieces = memory.pieces
      blockOutputs = Array(pieces[..<blocks])
      featureGradients = pieces[blocks]
      let ofPoints = Array(pieces[(blocks + 1)...])
      // SAFETY: as many 4-byte integers as floats were set aside, and nothing reads them as floats.
      nearest = UnsafeMutableRawPointer(ofPoints[0]).bindMemory(to: Int32.self, capacity: 3 * points)
      (shares, outputs, logitGradients) = (ofPoints[1], ofPoints[2], ofPoints[3])
      hidden = Array(ofPoints[4..<8])
      let ofClouds = Array(ofPoints[8...])
      (oneHot, embeddingInput, embedding) = (ofClouds[0], ofClouds[1], ofClouds[2])
      (sharedGradients, globalGradients) = (ofClouds[3], ofClouds[4])
      (normSums, self.scratch) = (ofClouds[5], ofClouds[6])
    }

    func scratch(_ member: borrowing Member) -> UnsafeMutablePointer<Float> { scratch + member.index * scratchStride }
  }
}

// MARK: - Forward

extension PartHead.Trained {
  func run(
    _ member: inout Member, _ kernels: KernelTable, inputs clouds: UnsafePointer<Float>, _ w: Workspace.Buffers
  ) {
    guard let buffers = w.points else { return }
    let (rows, classes, scratch) = (w.batch * pointCount, c.classCount, b.scratch(member))
    ofFeatures.run(
      &member, kernels, x: buffers.features, xStride: buffers.featureStride, rows: w.batch * w.tokens,
      y: buffers.propagated, yStride: buffers.propagatedStride, scratch: scratch)
    member.parallelForRows(rows) { range in
      for row in range.start..<range.end { mix(kernels, clouds, row, w, buffers, scratch) }
    }
    var epilogue = Epilogue()
    (epilogue.addend, epilogue.addendStride) = (UnsafePointer(b.hidden[0]), b.hiddenStrides[0])
    ofCoordinates.run(
      &member, kernels, x: clouds, xStride: 3, rows: rows, y: b.hidden[0], yStride: b.hiddenStrides[0],
      epilogue: epilogue, scratch: scratch)
    norms[0].measure(&member, kernels, x: b.hidden[0], xStride: b.hiddenStrides[0], rows: rows)
    runLayer(second, 1, &member, kernels, rows: rows, scratch: scratch)
    runClouds(&member, kernels, w, buffers, scratch: scratch)
    normalize(1, &member, kernels, rows: rows)
    for cloud in 0..<w.batch {
      var epilogue = Epilogue()
      epilogue.addend = UnsafePointer(buffers.shared) + cloud * ofPoint.outputs
      let first = cloud * pointCount
      ofPoint.run(
        &member, kernels, x: b.outputs + first * b.outputStride, xStride: b.outputStride, rows: pointCount,
        y: b.hidden[2] + first * b.hiddenStrides[2], yStride: b.hiddenStrides[2], epilogue: epilogue,
        scratch: scratch)
    }
    norms[2].measure(&member, kernels, x: b.hidden[2], xStride: b.hiddenStrides[2], rows: rows)
    runLayer(third, 3, &member, kernels, rows: rows, scratch: scratch)
    normalize(3, &member, kernels, rows: rows)
    last.run(
      &member, kernels, x: b.outputs, xStride: b.outputStride, rows: rows, y: w.logits, yStride: classes,
      scratch: scratch)
    member.parallelForRows(rows) { range in
      for row in range.start..<range.end { PartHead.Loaded.logSoftmax(w.logits + row * classes, classes) }
    }
  }

  /// `b.outputs` = relu(norm(`b.hidden`)) of a layer.
  private func normalize(_ index: Int, _ member: inout Member, _ kernels: KernelTable, rows: Int) {
    norms[index].run(
      &member, kernels, x: b.hidden[index], xStride: b.hiddenStrides[index], y: b.outputs, yStride: b.outputStride,
      rows: rows)
  }

  /// A layer of the output of the norm before its own, up to the statistics of its own.
  private func runLayer(
    _ layer: TrainedColumns, _ index: Int, _ member: inout Member, _ kernels: KernelTable, rows: Int,
    scratch: UnsafeMutablePointer<Float>
  ) {
    normalize(index - 1, &member, kernels, rows: rows)
    layer.run(
      &member, kernels, x: b.outputs, xStride: b.outputStride, rows: rows, y: b.hidden[index],
      yStride: b.hiddenStrides[index], scratch: scratch)
    norms[index].measure(&member, kernels, x: b.hidden[index], xStride: b.hiddenStrides[index], rows: rows)
  }

  /// The propagated features of a point, mixed of its 3 nearest centres'.
  private func mix(
    _ kernels: KernelTable, _ clouds: UnsafePointer<Float>, _ row: Int, _ w: Workspace.Buffers,
    _ buffers: PointBuffers, _ scratch: UnsafeMutablePointer<Float>
  ) {
    let (cloud, shares) = (row / pointCount, b.shares + 3 * row)
    let place = Place(x: clouds[3 * row], y: clouds[3 * row + 1], z: clouds[3 * row + 2])
    kernels.nearestPoints(buffers.centers(cloud).points, place, 3, shares, b.nearest + 3 * row, scratch)
    PartHead.turnIntoShares(shares)
    kernels.mixRows(
      buffers.propagated + cloud * w.tokens * buffers.propagatedStride, buffers.propagatedStride, b.nearest + 3 * row,
      shares, ofFeatures.outputs, b.hidden[0] + row * b.hiddenStrides[0])
  }

  /// What the features' maximum and mean, and the category, add to every point of a cloud.
  private func runClouds(
    _ member: inout Member, _ kernels: KernelTable, _ w: Workspace.Buffers, _ buffers: PointBuffers,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let (width, known) = (ofFeatures.inputs, p.categories.count)
    member.parallelFor(w.batch) { cloud in
      let features = buffers.features + cloud * w.tokens * buffers.featureStride
      let global = buffers.global + cloud * 2 * width
      kernels.pool(features, buffers.featureStride, w.tokens, width, true, global)
      kernels.pool(features, buffers.featureStride, w.tokens, width, false, global + width)
      let oneHot = b.oneHot + cloud * known
      oneHot.update(repeating: 0, count: known)
      let number = Int(buffers.categories[cloud])
      if (0..<known).contains(number) { oneHot[number] = 1 }
    }
    label.run(
      &member, kernels, x: b.oneHot, xStride: known, rows: w.batch, y: b.embeddingInput, yStride: label.outputs,
      scratch: scratch)
    labelNorm.measure(&member, kernels, x: b.embeddingInput, xStride: label.outputs, rows: w.batch)
    labelNorm.run(
      &member, kernels, x: b.embeddingInput, xStride: label.outputs, y: b.embedding, yStride: label.outputs,
      rows: w.batch)
    ofCloud.run(
      &member, kernels, x: buffers.global, xStride: 2 * width, rows: w.batch, y: buffers.shared,
      yStride: ofCloud.outputs, scratch: scratch)
    var epilogue = Epilogue()
    (epilogue.addend, epilogue.addendStride) = (UnsafePointer(buffers.shared), ofCloud.outputs)
    ofCategory.run(
      &member, kernels, x: b.embedding, xStride: label.outputs, rows: w.batch, y: buffers.shared,
      yStride: ofCloud.outputs, epilogue: epilogue, scratch: scratch)
  }
}

// MARK: - Backward

extension PartHead.Trained {
  ///     logits = log_softmax(last(relu(norm(third(relu(norm(ofPoint(relu(norm(second(relu(norm(h)))))) + shared)))))))
  ///     h = mix(ofFeatures(features)) + ofCoordinates(points)
  func runGradient(
    _ member: inout Member, _ kernels: KernelTable, inputs clouds: UnsafePointer<Float>, _ w: Workspace.Buffers,
    _: GradientBuffers, logitGradients: UnsafePointer<Float>
  ) {
    guard let buffers = w.points else { return }
    let (rows, classes, scratch) = (w.batch * pointCount, c.classCount, b.scratch(member))
    member.parallelForRows(rows) { range in
      for row in range.start..<range.end {
        let place = row * classes
        Self.logSoftmaxGradient(logitGradients + place, w.logits + place, b.logitGradients + place, classes)
      }
    }
    runGradient(
      last, after: 3, dy: b.logitGradients, dyStride: classes, &member, kernels, rows: rows, scratch: scratch)
    runGradient(
      third, after: 2, dy: b.hidden[3], dyStride: b.hiddenStrides[3], &member, kernels, rows: rows, scratch: scratch)
    runCloudGradient(&member, kernels, w, buffers, scratch: scratch)
    runGradient(
      ofPoint, after: 1, dy: b.hidden[2], dyStride: b.hiddenStrides[2], &member, kernels, rows: rows,
      scratch: scratch)
    runGradient(
      second, after: 0, dy: b.hidden[1], dyStride: b.hiddenStrides[1], &member, kernels, rows: rows, scratch: scratch)
    ofCoordinates.addGradients(
      &member, kernels, dy: b.hidden[0], dyStride: b.hiddenStrides[0], x: clouds, xStride: 3, rows: rows,
      scratch: scratch)
    runPropagationGradient(&member, kernels, w, buffers, scratch: scratch)
  }

  ///     y = x - log(sum(exp(x)))
  private static func logSoftmaxGradient(
    _ dy: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ count: Int
  ) {
    var total: Float = 0
    for index in 0..<count { total += dy[index] }
    for index in 0..<count { dx[index] = dy[index] - exp(y[index]) * total }
  }

  /// The gradients of a layer of relu(norm(`b.hidden`)), and that of the norm's input, in its place.
  private func runGradient(
    _ layer: TrainedColumns, after index: Int, dy: UnsafePointer<Float>, dyStride: Int, _ member: inout Member,
    _ kernels: KernelTable, rows: Int, scratch: UnsafeMutablePointer<Float>
  ) {
    normalize(index, &member, kernels, rows: rows)
    layer.addGradients(
      &member, kernels, dy: dy, dyStride: dyStride, x: b.outputs, xStride: b.outputStride, rows: rows,
      scratch: scratch)
    layer.inputGradient(
      &member, kernels, dy: dy, dyStride: dyStride, rows: rows, dx: b.outputs, dxStride: b.outputStride,
      scratch: scratch)
    norms[index].runGradient(
      &member, kernels, x: b.hidden[index], xStride: b.hiddenStrides[index], dy: b.outputs, dyStride: b.outputStride,
      dx: b.hidden[index], dxStride: b.hiddenStrides[index], rows: rows)
  }

  ///     shared = ofCloud(max(features), mean(features)) + ofCategory(leaky_relu(norm(label(category))))
  private func runCloudGradient(
    _ member: inout Member, _ kernels: KernelTable, _ w: Workspace.Buffers, _ buffers: PointBuffers,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let (width, n, stride) = (ofCloud.inputs, ofCloud.outputs, b.hiddenStrides[2])
    member.parallelFor(w.batch) { cloud in
      let sum = b.sharedGradients + cloud * n
      sum.update(repeating: 0, count: n)
      kernels.gradients.addRows(b.hidden[2] + cloud * pointCount * stride, stride, pointCount, n, sum)
    }
    ofCloud.addGradients(
      &member, kernels, dy: b.sharedGradients, dyStride: n, x: buffers.global, xStride: width, rows: w.batch,
      scratch: scratch)
    ofCloud.inputGradient(
      &member, kernels, dy: b.sharedGradients, dyStride: n, rows: w.batch, dx: b.globalGradients, dxStride: width,
      scratch: scratch)
    ofCategory.addGradients(
      &member, kernels, dy: b.sharedGradients, dyStride: n, x: b.embedding, xStride: label.outputs, rows: w.batch,
      scratch: scratch)
    ofCategory.inputGradient(
      &member, kernels, dy: b.sharedGradients, dyStride: n, rows: w.batch, dx: b.embedding, dxStride: label.outputs,
      scratch: scratch)
    labelNorm.runGradient(
      &member, kernels, x: b.embeddingInput, xStride: label.outputs, dy: b.embedding, dyStride: label.outputs,
      dx: b.embeddingInput, dxStride: label.outputs, rows: w.batch)
    label.addGradients(
      &member, kernels, dy: b.embeddingInput, dyStride: label.outputs, x: b.oneHot, xStride: label.inputs,
      rows: w.batch, scratch: scratch)
  }

  /// From propagation's first layer to the features of the blocks. An item of work is some columns of a cloud, whose
  /// points are added in their order.
  private func runPropagationGradient(
    _ member: inout Member, _ kernels: KernelTable, _ w: Workspace.Buffers, _ buffers: PointBuffers,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let (width, n) = (ofFeatures.inputs, ofFeatures.outputs)
    let (size, stride) = (64, buffers.propagatedStride)
    let parts = (n + size - 1) / size
    member.parallelFor(w.batch * parts) { item in
      let (cloud, start) = (item / parts, item % parts * size)
      let (count, first) = (min(size, n - start), cloud * pointCount)
      let centers = buffers.propagated + cloud * w.tokens * stride + start
      for center in 0..<w.tokens { (centers + center * stride).update(repeating: 0, count: count) }
      kernels.pointTraining.scatterRows(
        b.hidden[0] + first * b.hiddenStrides[0] + start, b.hiddenStrides[0], b.nearest + 3 * first,
        b.shares + 3 * first, pointCount, count, centers, stride)
    }
    let rows = w.batch * w.tokens
    ofFeatures.addGradients(
      &member, kernels, dy: buffers.propagated, dyStride: stride, x: buffers.features, xStride: buffers.featureStride,
      rows: rows, scratch: scratch)
    ofFeatures.inputGradient(
      &member, kernels, dy: buffers.propagated, dyStride: stride, rows: rows, dx: b.featureGradients,
      dxStride: b.featureStride, scratch: scratch)
    member.parallelFor(w.batch) { cloud in
      let features = buffers.features + cloud * w.tokens * buffers.featureStride
      let target = b.featureGradients + cloud * w.tokens * b.featureStride
      let global = b.globalGradients + cloud * 2 * width
      kernels.pointTraining.maximumGradient(
        global, features, buffers.featureStride, target, b.featureStride, w.tokens, width, true)
      kernels.gradients.pool(
        global + width, 1, features, buffers.featureStride, target, b.featureStride, w.tokens, width, false)
    }
  }
}
