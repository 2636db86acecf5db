import Foundation
import MultimodalPathway

/// What `m2pt demo` shows: a model directory of handwritten digits, an auxiliary of spoken ones, the scales learned
/// with them, real pictures, and what PyTorch answers to these (Sources/m2pt/Demo/README.md).
struct DemoAssets {
  /// A picture that neither training saw.
  struct Sample: Decodable {
    /// The digit it shows.
    var label: Int
    /// PyTorch's answer with pathways in float64: its class and logits, (classes).
    var prediction: Int
    var logits: [Double]
  }

  /// Accuracies of the training run, on digits and recordings that it did not see.
  struct HeldOut: Codable {
    /// Number of held-out handwritten digits, and the shares of them that are told rightly: with pathways; by the
    /// target's own weights alone, which never learned to work alone; by the same target trained without pathways.
    var digits: Int
    var with_pathways: Double
    var without: Double
    var trained_without: Double
    /// Number of recordings of speakers not trained on, and the share of them that the speech model told rightly before
    /// it was joined.
    var recordings: Int
    var auxiliary: Double
  }

  private struct Expected: Decodable {
    var held_out: HeldOut
    var samples: [String: Sample]
  }

  let folder: URL
  let heldOut: HeldOut
  /// Pictures by name, `3/007.png`, in the order of names.
  let samples: [(name: String, sample: Sample)]
  /// lambda by layer.
  let scales: [String: Float]

  var target: URL { folder.appendingPathComponent("target") }
  var auxiliary: URL { folder.appendingPathComponent("auxiliary") }
  private static let expectedName = "expected.json"
  private var expectedFile: URL { folder.appendingPathComponent(Self.expectedName) }
  /// The models' files.
  var files: [URL] { [target, auxiliary].map { $0.appendingPathComponent("model.safetensors") } }

  /// Finds and reads the demo's files.
  ///
  /// - Parameter path: their folder; nil looks where they usually are.
  /// - Throws: `DemoError`; `PathwayError` and `ConfigurationError` for the file of scales.
  init(path: String?) throws {
    folder = try Self.find(path)
    let expected: Expected = try Self.read(folder.appendingPathComponent(Self.expectedName))
    scales = try PathwayScales.read(folder.appendingPathComponent("scales.json"), count: 1)[0]
    heldOut = expected.held_out
    samples = expected.samples.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    if samples.isEmpty { throw DemoError.malformed(file: expectedFile.path, reason: "it names no samples") }
  }

  /// Target and auxiliary, joined by the learned scales.
  ///
  /// - Throws: `ConfigurationError`, `CheckpointError`, `BindingError`, `PathwayError`; `DemoError` where the target's
  ///   classes are not those of the samples.
  func joined() throws -> PathwayWeights {
    let target = try ModelWeights(modelAt: target)
    let classes = target.configuration.classCount
    for (name, sample) in samples
    where sample.logits.count != classes || !(0..<classes).contains(sample.label) {
      throw DemoError.malformed(
        file: expectedFile.path,
        reason: "sample \(name) has \(sample.logits.count) logits and label \(sample.label), "
          + "the target \(classes) classes")
    }
    let heads = try VisionTransformerConfiguration.read(ModelLocation(auxiliary).configurationFile).heads
    return try target.attach(
      auxiliary: AuxiliaryWeights(checkpoint: Checkpoint(contentsOf: auxiliary), heads: heads), scales: scales)
  }

  /// How the target wants its pictures.
  func preprocessor() throws -> ImagePreprocessor {
    let file = ModelLocation(target).configurationFile
    return try ImagePreprocessor(.timm(json: Data(contentsOf: file), file: file.path))
  }

  func picture(_ name: String) -> URL { folder.appendingPathComponent("samples/\(name)") }

  // MARK: - Finding

  /// Where the demo's files may be: in the bundle that the package manager puts beside the tool, in `share` of the
  /// prefix it was installed to, in a clone that is the current folder. (`Bundle.module` is no help: it ends the
  /// process where it finds nothing.)
  private static var usualPlaces: [URL] {
    let tool = (Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])).resolvingSymlinksInPath()
    let folder = tool.deletingLastPathComponent()
    return [
      folder.appendingPathComponent("MultimodalPathway_m2pt.resources/Demo"),
      folder.deletingLastPathComponent().appendingPathComponent("share/m2pt/Demo"),
      URL(fileURLWithPath: FileManager.default.currentDirectoryPath).appendingPathComponent("Sources/m2pt/Demo"),
    ]
  }

  private static func find(_ path: String?) throws -> URL {
    let places = path.map { [URL(fileURLWithPath: $0)] } ?? usualPlaces
    let found = places.first { FileManager.default.fileExists(atPath: $0.appendingPathComponent(expectedName).path) }
    guard let found else { throw DemoError.notFound(searched: places.map(\.path)) }
    return found
  }

  private static func read<Value: Decodable>(_ file: URL) throws -> Value {
    do {
      return try JSONDecoder().decode(Value.self, from: Data(contentsOf: file))
    } catch let error as DecodingError {
      throw DemoError.malformed(file: file.path, reason: "\(error)")
    } catch {
      throw DemoError.malformed(file: file.path, reason: "it cannot be read: \(error.localizedDescription)")
    }
  }
}

/// Why the demo cannot be shown.
enum DemoError: Error, Equatable, CustomStringConvertible {
  case notFound(searched: [String])
  case malformed(file: String, reason: String)

  /// One line, whatever names the file has in it.
  var description: String { text.onOneLine() }

  private var text: String {
    switch self {
    case .notFound(let searched):
      "the demo's files (expected.json and its neighbours) are not in \(searched.joined(separator: ", nor in ")); "
        + "name their folder, Sources/m2pt/Demo of the sources: --assets DIR"
    case .malformed(let file, let reason):
      "\(file) is not the demo's: \(reason); take the folder Sources/m2pt/Demo as it is in the sources"
    }
  }
}
