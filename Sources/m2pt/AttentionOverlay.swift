import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayData
import PathwayMedia

struct AttentionOverlay: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attention",
    abstract: "Paint where a model looks: over a picture, a strip of a video's frames, a spectrogram or points.",
    discussion: """
      Attention of one token to all patches, after softmax, bilinearly enlarged to the picture in the model's input \
      size. Colours (inferno) run from the least to the largest value. A video becomes one clip, of which the strip \
      shows the first frame of every tubelet. Sound becomes its \
      spectrogram, time to the right and low tones below; ROW and COLUMN count patches of the model's own input, \
      whose rows are time for AudioMAE. Points, or those sampled on a mesh's surface, take their colours from the \
      three nearest centres of groups; a PLY file keeps the values beside them.
      """)

  @OptionGroup var options: ModelOptions
  @Argument(help: "A file of the model's kind: JPEG, PNG; a video; WAV, FLAC, Ogg, MP3; PLY, OFF, OBJ, XYZ, NPY.")
  var file: String
  @Option(help: "The file to write: PNG, or PLY of points.") var output: String?
  @OptionGroup var replacement: OverwriteOption
  @Option(help: "The block whose attention is shown (default: the last).") var block: Int?
  @Option(help: "A head, from 0, or mean.") var head = HeadChoice.mean
  @Option(
    help: """
      The token that looks: class, ROW,COLUMN or TUBELET,ROW,COLUMN of a patch, GROUP of points, or mean of all \
      (default: class, if any).
      """)
  var token: TokenChoice?
  @Flag(help: "Attention rollout (Abnar and Zuidema 2020): through all blocks up to --block, residuals included.")
  var rollout = false
  @Option(help: "How much the colours cover, 0...1.") var opacity = 0.6
  @Option(help: "The axis that points up in a picture of points: y as in OBJ files, or z.") var up = UpAxis.y
  @Flag(help: "JSON on standard output: the attention of every patch.") var json = false

  func validate() throws {
    guard (0...1).contains(opacity) else { throw ValidationError("--opacity takes 0...1.") }
    if output == nil, !json { throw ValidationError("Name an --output, or ask for --json.") }
  }

  private struct Report: Encodable {
    var file: String
    var block: Int
    var head: String
    var token: String
    var rollout: Bool
    /// Attention of class and register tokens, then of patches by row, tubelet after tubelet; all together 1.
    var prefix: [Double]
    var attention: [[Double]]
    /// Of groups of points, as the file has them.
    var centers: [[Double]]?
  }

  func run() throws {
    let weights = try options.weights()
    let c = weights.configuration
    if let output, c.points != nil { try PointPicture.checkName(URL(fileURLWithPath: output)) }
    let picture = output.map { OutputFile(pictureAt: $0, ofPoints: c.points != nil, replacement) }
    try picture?.check(inputs: options.inputs(weights) + [URL(fileURLWithPath: file)])
    let model = try options.load(weights)
    let seen = try Seen(URL(fileURLWithPath: file), c, options)
    let last = block ?? c.depth - 1
    let looking = token ?? (c.hasClassToken ? .classToken : .mean)
    let row = try attention(model, seen.values, upTo: last, looking)
    let patches = Array(row[c.prefixTokens...])
    if let picture { try seen.paint(patches, c, opacity: opacity, up: up, to: picture.url) }
    if json {
      let (rows, columns) = (c.slices * c.grid.height, c.grid.width)
      try printJSON(
        Report(
          file: file, block: last, head: head.description, token: looking.description, rollout: rollout,
          prefix: Array(row[..<c.prefixTokens]),
          attention: (0..<rows).map { Array(patches[$0 * columns..<($0 + 1) * columns]) }, centers: seen.centers))
    } else if let output {
      try StandardOutput.show([
        "wrote \(output): block \(last), head \(head), token \(looking), \(seen.size), \(c.gridText)"
      ])
    }
  }

  /// The attention of the looking tokens to every token, (N).
  ///
  /// - Throws: `ToolError` where there is no such head or token, or attention is not finite.
  private func attention(
    _ model: VisionTransformer, _ values: Tensor, upTo last: Int, _ looking: TokenChoice
  ) throws -> [Double] {
    let c = model.configuration
    if case .index(let index) = head, !(0..<c.heads).contains(index) {
      throw ToolError("there is no head \(index); the model has heads 0...\(c.heads - 1)")
    }
    var row = try looking.start(c)
    let workspace = try model.workspace(batch: 1)
    guard (0..<c.depth).contains(last) else { throw InferenceError.blockOutOfRange(found: last, depth: c.depth) }
    let blocks = rollout ? Array((0...last).reversed()) : [last]
    var progress = Progress("attention", total: blocks.count)
    defer { progress.finish() }
    for block in blocks {
      guard let maps = try model.forward(values, attention: block, workspace: workspace).attention else { continue }
      let attended = head.attention(row, maps, heads: c.heads)
      // Rollout: half goes through attention, half stays by the residual connection.
      row = rollout ? zip(attended, row).map { ($0 + $1) / 2 } : attended
      progress.advance()
    }
    guard row.allSatisfy(\.isFinite) else {
      throw ToolError.answerNotFinite(file, "attention to it")
    }
    return row
  }
}

extension AttentionOverlay {
  /// What the model was shown, and how attention is painted over it.
  private enum Seen {
    case pictures(InputPreview, any FrontEnd)
    case points(PointPreprocessor.Result, AttendedPoints)

    init(_ file: URL, _ c: VisionTransformerConfiguration, _ options: ModelOptions) throws {
      let frontEnd = try options.frontEnd(c)
      if let points = c.points, let frontEnd = frontEnd as? PointFrontEnd {
        let prepared = try frontEnd.prepared(file)
        self = .points(prepared, try AttendedPoints(prepared, points, engine: options.engineOptions.engine()))
      } else {
        self = .pictures(try frontEnd.preview(of: file), frontEnd)
      }
    }

    /// (1, ...).
    var values: Tensor {
      switch self {
      case .pictures(let preview, _): preview.values
      case .points(let prepared, _): Tensor(prepared.values, shape: [1, prepared.values.count / 3, 3])
      }
    }

    var centers: [[Double]]? {
      guard case .points(_, let points) = self else { return nil }
      return (0..<points.centers.count).map { points.centers.digits($0).compactMap { Double($0) } }
    }

    var size: String {
      switch self {
      case .pictures(let preview, _): "\(preview.pictures[0].extent) pixels"
      case .points(let prepared, _): "\(prepared.source.count) points"
      }
    }

    func paint(
      _ patches: [Double], _ c: VisionTransformerConfiguration, opacity: Double, up: UpAxis, to output: URL
    ) throws {
      let range = (patches.min() ?? 0)...(patches.max() ?? 0)
      switch self {
      case .points(_, let points):
        try points.write(patches, range, opacity: opacity, up: up, to: output)
      case .pictures(let preview, let frontEnd):
        let area = c.grid.height * c.grid.width
        let painted = try preview.pictures.enumerated().map { slice, picture in
          try HeatMap(
            values: Array(patches[slice * area..<(slice + 1) * area]), grid: c.grid, patch: c.patchSize, range: range
          ).painted(over: picture, opacity: opacity)
        }
        try ImageFile.writePNG(frontEnd.upright(HeatMap.strip(painted)), to: output)
      }
    }
  }
}
