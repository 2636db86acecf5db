import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayData

struct Features: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write features of files, (N, tokens, C), and pooled features, (N, C), to a safetensors file.",
    discussion: """
      Tensor "files" names the file of every row: a JSON array of N strings, as UTF-8 bytes \
      (json.loads(tensors["files"].tobytes()) in Python). A file that cannot be read, or whose features are not \
      finite, has no row: it is named on standard error, and the exit code is 1. Rows go to the disk as they come; \
      the file appears under its name when it is complete.
      """)

  @OptionGroup var input: ModelInput
  @Option(help: "Features as they leave this block; without it, after the final norm.") var block: Int?
  @Flag(help: "Pooled features alone, as a pass computes them that is asked for nothing else: little room, less work.")
  var pooled = false
  @Option(help: "The safetensors file.") var output: String
  @OptionGroup var replacement: OverwriteOption

  func validate() throws {
    if pooled, block != nil {
      throw ValidationError("--pooled writes what follows the last block: leave out --block.")
    }
  }

  func run() throws {
    let weights = try input.options.weights()
    let model = try input.options.load(weights)
    let c = model.configuration
    if let block, !(0..<c.depth).contains(block) { throw InferenceError.blockOutOfRange(found: block, depth: c.depth) }
    let (run, batches) = try input.run(c, model.engine, "features", interrupted: "nothing was written")
    if run.names.isEmpty { return try run.end() }
    let file = OutputFile(output, .features, replacement)
    let inputs = input.options.inputs(weights) + run.names.map { URL(fileURLWithPath: $0) }
    try file.check(inputs: inputs)
    let workspace = try model.workspace(batch: batches.mostViews(files: run.names.count))
    let tokens: [SafetensorsStream.Column] =
      pooled ? [] : [.init("features", .float32, shape: [c.tokenCount, c.width])]
    var metadata = ["m2pt.version": multimodalPathwayVersion]
    if !pooled { metadata["m2pt.block"] = block.map(String.init) ?? "final norm" }
    var count = 0
    do {
      try SafetensorsStream.write(
        to: file.url,
        columns: tokens + [
          .init("pooled", .float32, shape: [c.pooledWidth]), .init("files", .uint8, shape: nil),
        ], metadata: metadata,
        mostRows: batches.frontEnd.viewCount.map { $0.multipliedReportingOverflow(by: run.names.count) }.flatMap {
          $0.overflow ? nil : $0.partialValue
        }
      ) { stream in
        var rows = FeatureRows(stream, run)
        try run.forEachBatch(batches) { batch in
          let result = try model.forward(
            batch.values, features: block == nil && !pooled, blocks: block.map { [$0] } ?? [], workspace: workspace)
          let all = block.map { result.blocks[$0] } ?? result.features
          for (row, view) in batch.views.enumerated() {
            try rows.add(view, row, of: [all, result.pooled].compactMap { $0 })
          }
        }
        try rows.end()
        count = stream.rows
        // The run may have been long.
        try file.check(inputs: inputs)
      }
    } catch is FeatureRows.None {
      report("nothing was written: no file has features")
      try run.end()
      throw ExitCode(1)
    }
    let shape = pooled ? "" : "features \([count, c.tokenCount, c.width]), "
    try StandardOutput.show(["wrote \(output): \(shape)pooled \([count, c.pooledWidth])"])
    try run.end()
  }
}

/// Rows of features on their way to a file: those of whole files whose numbers are all finite.
private struct FeatureRows {
  /// There is no row to write.
  struct None: Error {}

  private let stream: SafetensorsStream
  private let run: FileRun
  /// Where the rows of the present file begin, and the file.
  private var start: (file: Int, mark: SafetensorsStream.Mark)?
  /// The last file that was refused.
  private var refused: Int?

  init(_ stream: SafetensorsStream, _ run: FileRun) { (self.stream, self.run) = (stream, run) }

  /// Adds a row of each of `tensors`, the columns of the stream but the last, which has the name.
  mutating func add(_ view: InputBatches.View, _ row: Int, of tensors: [Tensor]) throws {
    if refused == view.file { return }
    let mark = start.flatMap { $0.file == view.file ? $0.mark : nil } ?? stream.mark
    start = (view.file, mark)
    guard tensors.allSatisfy({ $0.isFinite(row: row) }) else {
      refused = view.file
      stream.rewind(to: mark)
      return try run.fail(ToolError.answerNotFinite(run.names[view.file], "a feature of it"))
    }
    let name = Array(((stream.rows == 0 ? "[" : ",") + SafetensorsPlan.quoted(run.names[view.file])).utf8)
    try Self.withRows(tensors[...], row, []) { bytes in
      try name.withUnsafeBytes { try stream.append(bytes + [$0], rows: 1) }
    }
  }

  /// Ends the array of names.
  ///
  /// - Throws: `None`.
  func end() throws {
    if stream.rows == 0 { throw None() }
    let empty = UnsafeRawBufferPointer(start: nil, count: 0)
    try Array("]".utf8).withUnsafeBytes { bracket in
      try stream.append(stream.columns.map { $0.shape == nil ? bracket : empty }, rows: 0)
    }
  }

  /// Calls `body` with the bytes of row `row` of every tensor.
  private static func withRows(
    _ tensors: ArraySlice<Tensor>, _ row: Int, _ found: [UnsafeRawBufferPointer],
    _ body: ([UnsafeRawBufferPointer]) throws -> Void
  ) throws {
    guard let tensor = tensors.first else { return try body(found) }
    let size = tensor.byteCount / max(1, tensor.shape.first ?? 1)
    try tensor.withUnsafeBytes { bytes in
      let own = UnsafeRawBufferPointer(rebasing: bytes[row * size..<(row + 1) * size])
      try withRows(tensors.dropFirst(), row, found + [own], body)
    }
  }
}
