import Foundation
import MultimodalPathway
import PathwayData

/// Times of a file's way to an answer; medians. Its JSON has these names in snake case.
struct BenchFile: Encodable {
  let file: String
  let architecture: String
  let modality: String
  /// Clips, crops or windows, all in one pass.
  let views: Int
  let threads: Int
  let isa: String
  let precision: String
  /// Decoding and preparing, by one thread as for every file of many: pixels resized, spectrograms, points chosen.
  let readMs: Double
  /// Of the pass, tokens and their positions.
  let tokensMs: Double
  /// The whole pass, tokens included.
  let passMs: Double
  /// Reading and pass, of every counted run.
  let timesMs: [Double]
  let totalMs: Double
  /// Of the total, reading and tokens.
  let percentBeforeBlocks: Double

  /// Two runs that warm up, `runs` that count.
  ///
  /// - Throws: what keeps the file from being read.
  init(
    _ model: VisionTransformer, _ frontEnd: any FrontEnd, _ file: URL, precision: String, runs: Int
  ) throws {
    let count = frontEnd.shape.reduce(1, *)
    let first = try frontEnd.views(of: file)
    let workspace = try model.workspace(batch: first.count / count, profiled: true)
    var (read, tokens, pass): ([Double], [Double], [Double]) = ([], [], [])
    for run in -2..<runs {
      workspace.profile?.reset()
      let start = DispatchTime.now().uptimeNanoseconds
      let values = Tensor(try frontEnd.views(of: file), shape: [first.count / count] + frontEnd.shape)
      let middle = DispatchTime.now().uptimeNanoseconds
      _ = try model.forward(values, workspace: workspace)
      let end = DispatchTime.now().uptimeNanoseconds
      guard run >= 0 else { continue }
      read.append(Double(middle - start) * 1e-6)
      pass.append(Double(end - middle) * 1e-6)
      tokens.append((workspace.profile?[.patchEmbedding]?.seconds ?? 0) * 1e3)
    }
    func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    self.file = file.relativePath
    architecture = model.configuration.architecture
    modality = model.configuration.modality.rawValue
    views = first.count / count
    threads = model.engine.threads
    isa = model.engine.instructionSet.rawValue
    self.precision = precision
    (readMs, tokensMs, passMs) = (median(read), median(tokens), median(pass))
    let total = zip(read, pass).map { $0 + $1 }
    (timesMs, totalMs) = (total, median(total))
    percentBeforeBlocks = 100 * median(total.indices.map { (read[$0] + tokens[$0]) / total[$0] })
  }

  var lines: [String] {
    [
      String(
        format: "%@ by %@ (%@, %d views), %d threads, %@, %@: %.2f ms", file, architecture, modality, views, threads,
        isa, precision, totalMs),
      String(
        format:
          "  decoding and preparing %.2f ms, pass %.2f ms of which tokens %.2f ms: %.1f %% before the first block",
        readMs, passMs, tokensMs, percentBeforeBlocks),
    ]
  }
}
