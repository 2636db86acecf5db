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
    /// Of a model for several labels.
    package var mean_average_precision: Double?
    /// Of a model that answers for every point, as the next two: the mean over categories.
    package var miou: Double?
    /// The mean over clouds.
    package var instance_miou: Double?
    package var point_accuracy: Double?
    package var skipped: Int
  }

  private let file: FileHandle
  private let url: URL
  private let encoder = JSONEncoder()

  /// Opens the log, and removes what was logged after a step: a run that is resumed there logs it again.
  ///
  /// A log that is absent is begun. The bytes after the last line break are a line that a full disk or a killed process
  /// left unfinished, after the step of the checkpoint; they are removed.
  ///
  /// - Throws: `TrainingError.badLog` for a log that cannot be read, or has a line that is not one of a log;
  ///   `CheckpointError.unwritable`.
  package init(_ url: URL, after step: Int) throws {
    self.url = url
    encoder.outputFormatting = [.sortedKeys]
    let kept = step > 0 && FileManager.default.fileExists(atPath: url.path) ? try Self.lines(url, until: step) : []
    try AtomicFile.write(Data(kept.map { $0 + [UInt8(ascii: "\n")] }.joined()), to: url)
    do {
      file = try FileHandle(forWritingTo: url)
      try file.seekToEnd()
    } catch {
      throw CheckpointError.unwritable(file: url.path, reason: error.localizedDescription)
    }
  }

  /// The lines of steps up to a step.
  private static func lines(_ url: URL, until step: Int) throws(TrainingError) -> [Data] {
    struct Line: Decodable {
      var step: Int
    }
    let text: Data
    do {
      text = try Data(contentsOf: url)
    } catch {
      throw .badLog(file: url.path, line: nil, reason: "the log cannot be read: \(error.localizedDescription)")
    }
    var kept: [Data] = []
    let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.dropLast().enumerated() {
      guard let own = try? JSONDecoder().decode(Line.self, from: Data(line)) else {
        throw .badLog(file: url.path, line: index + 1, reason: "the line is not one of a log: no JSON with a step")
      }
      if own.step <= step { kept.append(line) }
    }
    return kept
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
