import PathwayCheckpoints
import PathwayKernelTemplates
import PathwayKernels
import PathwayLoops

/// Automatic precision: what every layer of the blocks loses in bfloat16 and in int8, and the patch embedding in
/// bfloat16, measured on inputs of the model's kind, and the plan that keeps the loss of each within a bound.
///
/// A layer's loss is `||y' - y|| / ||y||` over all outputs of all its rows: y = x W^T + b in float32, its input x that
/// of a float32 run, y' the same layer on the same x in the narrow format. Attention follows the format of the
/// projection after it, so the projection's y' is of attention in its format, of the same q, k and v. Where the engine's
/// instruction set emulates bfloat16, which costs time (`InstructionSet.emulates`), no layer gets it.
public struct Calibration: Sendable {
  /// The loss above which a layer gets a wider format, where nothing else is said: 2 %.
  ///
  /// Rounding to int8 moves the operands of a product by s / sqrt(12) each, s a 255th of their range. Of numbers
  /// between -t and t times their root mean square that is t / 440: weights and activations at t = 4 (normally
  /// distributed rows of some 1,000) lose 1.3 % together, activations at t = 9 take a layer to 2.2 %. Losses e of a
  /// block's layers, independent of each other, add to a stream that all blocks made: at least sqrt(2) e of the
  /// features, where later blocks pass errors on too, up to sqrt(2 depth) e. Of DINOv2 ViT-S, on photographs, it is 2.2
  /// e. A cosine of 0.999 to float32's features is a loss of sqrt(2 * 0.001) = 4.5 %, so e is 2.0 %.
  public static let usualBound = 0.02

  /// The losses of a layer and the format that they allow.
  public struct Layer: Sendable, Codable {
    /// The layer's name in a `PrecisionPlan`: `blocks.0.attn.qkv` and so on, or the patch embedding's.
    public let name: String
    /// The narrowest format whose loss is finite and within the bound, of those that the instruction set does not
    /// emulate.
    public let precision: Precision
    /// The loss in bfloat16; infinite if an output is NaN or infinite.
    public let bfloat16Loss: Double
    /// The loss in int8; infinite if an output is NaN or infinite, nil if the layer is never int8.
    public let int8Loss: Double?
  }

  /// Sums of squares over all rows so far.
  private struct Squares {
    var output = 0.0
    var bfloat16 = 0.0
    var int8 = 0.0

    var losses: (bfloat16: Double, int8: Double) {
      func loss(_ squares: Double) -> Double {
        let ratio = (squares / output).squareRoot()
        return squares == 0 ? 0 : ratio.isNaN ? .infinity : ratio
      }
      return (loss(bfloat16), loss(int8))
    }
  }

  /// Where the forward passes run.
  public var engine: Engine { model.engine }
  private let model: VisionTransformer
  /// In bfloat16 and int8.
  private let narrow: [VisionTransformer]
  private var squares: [Squares]
  /// Of the patch embedding; absent before it was measured.
  private var patchSquares: Squares?
  /// Inputs measured so far.
  public private(set) var inputCount = 0

  /// Packs the weights in all three formats.
  ///
  /// - Throws: as `VisionTransformer`'s initializer.
  public init(_ weights: PathwayWeights, engine: Engine) throws {
    func made(_ plan: PrecisionPlan) throws -> VisionTransformer {
      try VisionTransformer(weights, execution: .merged, precision: plan, engine: engine)
    }
    model = try made(.float32)
    narrow = [try made(.bfloat16), try made(.int8)]
    squares = Array(repeating: Squares(), count: 4 * model.configuration.depth)
  }

  /// Measures all layers on a batch: what the model takes, or tokens, (B, N, C), all finite. How inputs are cut into
  /// batches, and the number of threads, change no bit of the result.
  ///
  /// - Throws: `InferenceError` where the input does not fit; `CalibrationError.notFinite` where a layer's output is
  ///   not finite; then the batch counts for nothing.
  /// - Complexity: some five forward passes; memory for the inputs of all blocks, (depth, B, N, C).
  public mutating func add(_ input: Tensor) throws {
    let stages = try LayerStages(model, input: input)
    guard try input.float32().allSatisfy(\.isFinite) else { throw InferenceError.inputNotFinite }
    let narrowed = try NarrowRows(model, of: stages.workspace.buffers)
    // Nothing of a batch counts before all of it was measured.
    var (squares, patchSquares) = (self.squares, self.patchSquares)
    for block in 0..<model.configuration.depth {
      try stages.forEachLayer(ofBlock: block) { stage in
        let (layer, rows) = (stage.layer, stage.rows)
        let exact = try model.blocks[block].linear(layer).output(stage.input, rows: rows, engine: engine)
        try requireFinite(exact, layer.name(inBlock: block), of: input)
        let k = model.blocks[block].linear(layer).weight.k
        func loss(_ index: Int, _ precision: Precision) throws -> [Double] {
          let input =
            layer == .projection
            ? try narrowed.attended(precision)
            : try narrowed.rounded(stage.input, width: k, precision, isHandedOn: layer == .fc2)
          let linear = narrow[index].blocks[block].linear(layer)
          return try squaredRows(
            exact, linear.output(input, rows: rows, engine: engine), rows: rows, columns: linear.weight.n)
        }
        var sums = squares[place(block, layer)]
        for row in try squaredRows(exact, nil, rows: rows, columns: exact.count / rows) { sums.output += row }
        for row in try loss(0, .bfloat16) { sums.bfloat16 += row }
        if isEverInt8(block, layer) { for row in try loss(1, .int8) { sums.int8 += row } }
        squares[place(block, layer)] = sums
      }
    }
    withExtendedLifetime(narrowed) {}
    if !model.configuration.takesAsTokens(input), let exact = try model.patchOutputs(input),
      let half = try narrow[0].patchOutputs(input)
    {
      let rows = input.shape[0] * model.configuration.patchCount
      try requireFinite(exact, PrecisionPlan.patchEmbeddingName, of: input)
      var sums = patchSquares ?? Squares()
      for row in try squaredRows(exact, nil, rows: rows, columns: exact.count / rows) { sums.output += row }
      for row in try squaredRows(exact, half, rows: rows, columns: exact.count / rows) { sums.bfloat16 += row }
      patchSquares = sums
    }
    (self.squares, self.patchSquares) = (squares, patchSquares)
    inputCount += input.shape[0]
  }

  /// - Throws: `CalibrationError.notFinite` with the first input whose outputs in float32 are not.
  private func requireFinite(_ outputs: FloatBuffer, _ layer: String, of input: Tensor) throws {
    guard let found = FiniteScan.survey(outputs.base, count: outputs.count) else { return }
    throw CalibrationError.notFinite(input: found.first / (outputs.count / input.shape[0]), layer: layer)
  }

  /// All layers in order, each in the narrowest format whose loss is finite and at most `bound`; first the patch
  /// embedding, if it is one layer and some inputs were not tokens.
  ///
  /// - Throws: `CalibrationError` for a bound that is not a number from 0, and where nothing was measured.
  public func layers(bound: Double = usualBound) throws -> [Layer] {
    guard bound >= 0 else { throw CalibrationError.bound(found: bound) }
    guard inputCount > 0 else { throw CalibrationError.noInputs }
    // A format that makes NaN or infinity is wrong under any bound.
    func isWithin(_ loss: Double) -> Bool { loss <= bound && loss < .infinity }
    func allowsBFloat16(_ loss: Double) -> Bool { isWithin(loss) && !engine.instructionSet.emulates(.bfloat16) }
    let patches = patchSquares.map { sums in
      let loss = sums.losses.bfloat16
      return Layer(
        name: PrecisionPlan.patchEmbeddingName, precision: allowsBFloat16(loss) ? .bfloat16 : .float32,
        bfloat16Loss: loss,
        int8Loss: nil)
    }
    return [patches].compactMap { $0 }
      + (0..<model.configuration.depth).flatMap { block in
        PathwayLayer.allCases.map { layer in
          let (half, byte) = squares[place(block, layer)].losses
          let isInt8 = isEverInt8(block, layer)
          let precision: Precision = isInt8 && isWithin(byte) ? .int8 : allowsBFloat16(half) ? .bfloat16 : .float32
          return Layer(
            name: layer.name(inBlock: block), precision: precision, bfloat16Loss: half, int8Loss: isInt8 ? byte : nil)
        }
      }
  }

  /// The plan of these layers: `PrecisionPlan.int8`, and what is wider.
  ///
  /// - Throws: as `layers`.
  public func plan(bound: Double = usualBound) throws -> PrecisionPlan {
    PrecisionPlan(
      .int8,
      overrides: try layers(bound: bound).reduce(into: [:]) { overrides, layer in
        let usual: Precision = layer.int8Loss == nil ? .bfloat16 : .int8
        if layer.precision != usual { overrides[layer.name] = layer.precision }
      })
  }

  /// Whether the layer is int8 where no bound says otherwise.
  private func isEverInt8(_ block: Int, _ layer: PathwayLayer) -> Bool {
    narrow[1].precision[block, layer] == .int8
  }

  private func place(_ block: Int, _ layer: PathwayLayer) -> Int {
    4 * block + (PathwayLayer.allCases.firstIndex(of: layer) ?? 0)
  }

  /// Of every row, the sum of the squares of `y`, or of its distance to `other`.
  private func squaredRows(_ y: FloatBuffer, _ other: FloatBuffer?, rows: Int, columns: Int) throws -> [Double] {
    let sums = DoubleBuffer(count: rows)
    try engine.run { member in
      member.parallelFor(rows) { row in
        for index in row * columns..<(row + 1) * columns {
          let difference = Double(y.base[index]) - Double(other?.base[index] ?? 0)
          sums.base[row] += difference * difference
        }
      }
    }
    return (0..<rows).map { sums.base[$0] }
  }
}

/// Why there is no plan.
public enum CalibrationError: CodedError, Equatable {
  /// A bound that is negative or NaN.
  case bound(found: Double)
  /// A plan was asked for before any input was measured.
  case noInputs
  /// What a layer makes of an input, by its place in the batch, is NaN or infinite.
  case notFinite(input: Int, layer: String)

  /// The identifier of the case, stable within a major version.
  public var code: String {
    switch self {
    case .bound: "calibration.bound"
    case .noInputs: "calibration.no-inputs"
    case .notFinite: "calibration.not-finite"
    }
  }

  /// What was found, what was expected and what to do, on one line: text from files is escaped.
  public var description: String { text.onOneLine() }

  private var text: String {
    switch self {
    case .bound(let found):
      "a bound of \(found) is not possible; give the largest relative loss of a layer, a number from 0, such as 0.03"
    case .notFinite(let input, let layer):
      "the output of \(layer) for input \(input) of the batch is not finite, in float32; leave this input out"
    case .noInputs: "nothing was measured; give inputs of the model's kind to calibrate with"
    }
  }
}
