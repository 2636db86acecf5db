import Foundation
import MultimodalPathway

/// The log of a run, `log.jsonl`: a JSON object in every line, one for each step and one for each epoch. It holds
/// nothing that depends on time or threads: runs with the same result have the same log.
package final class RunLog {
  /// A step.
  package struct Step: Encodable {
    package var step: Int
    package var epoch: Int
    package var loss: Double
    package var learning_rate: Double
    package var gradient_norm: Double
  }

  /// The end of an epoch; accuracies are of the validation data.
  package struct Epoch: Encodable {
    package var step: Int
    package var epoch: Int
    /// The mean over the epoch's steps.
    package var loss: Double
    package var accuracy: Double?
    package var top5: Double?
    package var skipped: Int
  }

  private let file: FileHandle
  private let url: URL
  private let encoder = JSONEncoder()

  /// Opens the log, and removes what was logged after a step: a run that is resumed there logs it again.
  ///
  /// - Throws: `CheckpointError.unwritable`.
  package init(_ url: URL, after step: Int) throws {
    self.url = url
    encoder.outputFormatting = [.sortedKeys]
    struct Line: Decodable {
      var step: Int
    }
    let text = (try? Data(contentsOf: url)) ?? Data()
    let kept = text.split(separator: UInt8(ascii: "\n")).filter { line in
      (try? JSONDecoder().decode(Line.self, from: Data(line))).map { $0.step <= step } ?? false
    }
    try AtomicFile.write(Data(kept.map { $0 + [UInt8(ascii: "\n")] }.joined()), to: url)
    do {
      file = try FileHandle(forWritingTo: url)
      try file.seekToEnd()
    } catch {
      throw CheckpointError.unwritable(file: url.path, reason: error.localizedDescription)
    }
  }

  /// Writes a line.
  ///
  /// - Throws: `CheckpointError.unwritable`.
  package func write(_ line: some Encodable) throws {
    do {
      try file.write(contentsOf: encoder.encode(line) + [UInt8(ascii: "\n")])
    } catch {
      throw CheckpointError.unwritable(file: url.path, reason: error.localizedDescription)
    }
  }
}
