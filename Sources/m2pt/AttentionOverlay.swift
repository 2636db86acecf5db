import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayMedia

struct AttentionOverlay: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attention",
    abstract: "Paint where a model looks over the picture, or a strip of a video's frames, as the model sees it.",
    discussion: """
      Attention of one token to all patches, after softmax, bilinearly enlarged to the picture in the model's input \
      size. Colours (inferno) run from the least to the largest value. A video becomes one clip, of which the strip \
      shows the first frame of every tubelet. Sound becomes its \
      spectrogram, time to the right and low tones below; ROW and COLUMN count patches of the model's own input, \
      whose rows are time for AudioMAE.
      """)

  @OptionGroup var options: ModelOptions
  @Argument(help: "A file of the model's kind: JPEG, PNG; a video; WAV, FLAC, Ogg, MP3.") var image: String
  @Option(help: "The PNG file to write.") var output: String?
  @Option(help: "The block whose attention is shown (default: the last).") var block: Int?
  @Option(help: "A head, from 0, or mean.") var head = HeadChoice.mean
  @Option(help: "The token that looks: class, ROW,COLUMN or TUBELET,ROW,COLUMN of a patch, or mean of all (default: class, if any).")
  var token: TokenChoice?
  @Flag(help: "Attention rollout (Abnar and Zuidema 2020): through all blocks up to --block, residuals included.")
  var rollout = false
  @Option(help: "How much the colours cover, 0...1.") var opacity = 0.6
  @Flag(help: "JSON on standard output: the attention of every patch.") var json = false

  func validate() throws {
    guard (0...1).contains(opacity) else { throw ValidationError("--opacity takes 0...1.") }
    if output == nil, !json { throw ValidationError("Name an --output, or ask for --json.") }
  }

  private struct Report: Encodable {
    var image: String
    var block: Int
    var head: String
    var token: String
    var rollout: Bool
    /// Attention of class and register tokens, then of patches by row, tubelet after tubelet; all together 1.
    var prefix: [Double]
    var attention: [[Double]]
  }

  func run() throws {
    let model = try options.load()
    let c = model.configuration
    try c.requirePictures("attention")
    let frontEnd = try options.frontEnd(c)
    let (pixels, pictures) = try frontEnd.view(URL(fileURLWithPath: image), c)
    let last = block ?? c.depth - 1
    if case .index(let index) = head, !(0..<c.heads).contains(index) {
      throw ToolError("there is no head \(index); the model has heads 0...\(c.heads - 1)")
    }
    let looking = token ?? (c.hasClassToken ? .classToken : .mean)
    var row = try looking.start(c)
    let workspace = model.workspace(batch: 1)
    guard (0..<c.depth).contains(last) else { throw InferenceError.blockOutOfRange(found: last, depth: c.depth) }
    let blocks = rollout ? Array((0...last).reversed()) : [last]
    var progress = Progress("attention", total: blocks.count)
    defer { progress.finish() }
    for block in blocks {
      guard let maps = try model.forward(pixels, attention: block, workspace: workspace).attention else { continue }
      let attended = head.attention(row, maps, heads: c.heads)
      // Rollout: half goes through attention, half stays by the residual connection.
      row = rollout ? zip(attended, row).map { ($0 + $1) / 2 } : attended
      progress.advance()
    }
    guard row.allSatisfy(\.isFinite) else {
      throw ToolError("\(options.model): attention is not finite; the weights are broken")
    }
    let patches = Array(row[c.prefixTokens...])
    if let output {
      let area = c.grid.height * c.grid.width
      let range = (patches.min() ?? 0)...(patches.max() ?? 0)
      let painted = try pictures.enumerated().map { slice, picture in
        try HeatMap(
          values: Array(patches[slice * area..<(slice + 1) * area]), grid: c.grid, patch: c.patchSize, range: range
        ).painted(over: picture, opacity: opacity)
      }
      try ImageFile.writePNG(frontEnd.upright(HeatMap.strip(painted)), to: URL(fileURLWithPath: output))
    }
    if json {
      try printJSON(
        Report(
          image: image, block: last, head: head.description, token: looking.description, rollout: rollout,
          prefix: Array(row[..<c.prefixTokens]),
          attention: (0..<c.slices * c.grid.height).map { Array(patches[$0 * c.grid.width..<($0 + 1) * c.grid.width]) }))
    } else if let output {
      print("wrote \(output): block \(last), head \(head), token \(looking), \(c.imageSize) pixels, \(c.gridText) patches")
    }
  }
}

extension VisionTransformerConfiguration {
  /// "14 x 14", or "8 x 14 x 14" of a clip.
  fileprivate var gridText: String { (slices > 1 ? "\(slices) x " : "") + "\(grid)" }
}

/// Which head's attention is shown.
enum HeadChoice: ExpressibleByArgument, CustomStringConvertible {
  case mean
  case index(Int)

  init?(argument: String) {
    if argument == "mean" {
      self = .mean
    } else if let index = Int(argument), index >= 0 {
      self = .index(index)
    } else {
      return nil
    }
  }

  var description: String {
    switch self {
    case .mean: "mean"
    case .index(let index): "\(index)"
    }
  }

  var defaultValueDescription: String { description }

  /// row (N) times the attention probabilities, (1, H, N, N), of the head or their mean.
  func attention(_ row: [Double], _ maps: Tensor, heads: Int) -> [Double] {
    let tokens = row.count
    let chosen: Range<Int>
    switch self {
    case .mean: chosen = 0..<heads
    case .index(let index): chosen = index..<index + 1
    }
    var result = [Double](repeating: 0, count: tokens)
    maps.withUnsafeBytes { bytes in
      let values = bytes.assumingMemoryBound(to: Float.self)
      for head in chosen {
        for (query, weight) in row.enumerated() where weight != 0 {
          let start = (head * tokens + query) * tokens
          for key in 0..<tokens { result[key] += weight * Double(values[start + key]) / Double(chosen.count) }
        }
      }
    }
    return result
  }
}

/// Whose attention is shown.
enum TokenChoice: ExpressibleByArgument, CustomStringConvertible {
  case classToken
  case patch(slice: Int, row: Int, column: Int)
  /// The mean over the queries of all patches.
  case mean

  init?(argument: String) {
    let numbers = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    if argument == "class" {
      self = .classToken
    } else if argument == "mean" {
      self = .mean
    } else if (2...3).contains(numbers.count), let column = numbers[numbers.count - 1],
      let row = numbers[numbers.count - 2], let slice = numbers.count == 2 ? 0 : numbers[0], slice >= 0, row >= 0,
      column >= 0
    {
      self = .patch(slice: slice, row: row, column: column)
    } else {
      return nil
    }
  }

  var description: String {
    switch self {
    case .classToken: "class"
    case .patch(let slice, let row, let column): (slice == 0 ? "" : "\(slice),") + "\(row),\(column)"
    case .mean: "mean"
    }
  }

  /// The weight of every token's query, (N), with sum 1.
  ///
  /// - Throws: `ToolError` where the model has no such token.
  func start(_ c: VisionTransformerConfiguration) throws -> [Double] {
    var row = [Double](repeating: 0, count: c.tokenCount)
    switch self {
    case .classToken:
      guard c.hasClassToken else {
        throw ToolError("the model has no class token; name a patch (--token ROW,COLUMN) or --token mean")
      }
      row[0] = 1
    case .patch(let slice, let down, let across):
      guard slice < c.slices, down < c.grid.height, across < c.grid.width else {
        throw ToolError("there is no patch \(self); the model has \(c.gridText) patches, counted from 0,0")
      }
      row[c.prefixTokens + (slice * c.grid.height + down) * c.grid.width + across] = 1
    case .mean:
      let patches = c.tokenCount - c.prefixTokens
      for token in c.prefixTokens..<c.tokenCount { row[token] = 1 / Double(patches) }
    }
    return row
  }
}
