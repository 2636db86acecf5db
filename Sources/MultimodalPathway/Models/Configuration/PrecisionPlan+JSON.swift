import Foundation
import PathwayCheckpoints

// A plan as a file: {"standard": "int8", "overrides": {"blocks.0.mlp.fc2": "bfloat16"}}.

extension PrecisionPlan {
  /// A plan from a file.
  ///
  /// - Throws: `ConfigurationError` for anything but the form above. Names are checked by the model, which knows its
  ///   layers.
  public static func read(_ url: URL) throws -> PrecisionPlan {
    try read(json: ConfigurationFile.contents(of: url), file: url.path)
  }

  /// The same from JSON text; `file` names it in errors.
  ///
  /// - Throws: `ConfigurationError`, as `read(_:)`.
  public static func read(json data: Data, file: String) throws -> PrecisionPlan {
    let object = try JSONObject(parsing: data, file: file)
    for key in object.values.keys.sorted() where !["standard", "overrides"].contains(key) {
      throw object.badValue(key, expected: "no such key; a plan has 'standard' and 'overrides'")
    }
    let standard: Precision? = try object.choice("standard")
    let named = try object.object("overrides")
    let overrides = try named?.values.keys.reduce(into: [String: Precision]()) { $0[$1] = try named?.choice($1) }
    return PrecisionPlan(try object.required("standard", standard), overrides: overrides ?? [:])
  }

  /// Writes a file that `read` takes, or nothing.
  ///
  /// - Throws: `CheckpointError.unwritable`.
  public func write(to url: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    let text = try encoder.encode(self)
    try AtomicFile.write(text, to: url)
  }
}
