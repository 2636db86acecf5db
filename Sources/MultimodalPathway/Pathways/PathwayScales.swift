import Foundation

/// Reading scales files: lambda by layer, for one auxiliary or several.
///
/// The file is an object from names to numbers, or an array of such objects, one per auxiliary in the order of
/// attaching. A name is one layer, `blocks.0.attn.qkv`, or one layer of every joined block, `attn.qkv`, which a whole
/// name overrules. Layers without a name keep the scale that `attach` was given for all.
public enum PathwayScales {
  /// The scales of `count` auxiliaries from a file.
  ///
  /// - Throws: `PathwayError.badScales` for anything but the form above, or for another number of auxiliaries;
  ///   `.scaleNotFinite` for a number that float32 cannot hold; `ConfigurationError.malformed` for a file that cannot
  ///   be read. Names are checked by `attach`, which knows the layers.
  public static func read(_ url: URL, count: Int) throws -> [[String: Float]] {
    try read(json: ConfigurationFile.contents(of: url), file: url.path, count: count)
  }

  /// The same from JSON text; `file` names it in errors.
  ///
  /// - Throws: `PathwayError.badScales`, `.scaleNotFinite`.
  public static func read(json data: Data, file: String, count: Int) throws -> [[String: Float]] {
    let value: JSONValue
    do {
      value = try JSONValue(parsing: data)
    } catch let error as JSONError {
      throw PathwayError.badScales(file: file, reason: "is not valid JSON: \(error.reason)")
    }
    let tables: [JSONValue] =
      switch value {
      case .array(let items): items
      default: [value]
      }
    guard tables.count == count else {
      throw PathwayError.badScales(file: file, reason: "has scales for \(tables.count) auxiliaries, \(count) are given")
    }
    return try tables.map { table in
      guard case .object(let members) = table else {
        throw PathwayError.badScales(file: file, reason: "holds \(table.summary) where scales were expected")
      }
      return try members.reduce(into: [:]) { scales, member in
        guard let number = member.value.realNumber else {
          throw PathwayError.badScales(file: file, reason: "'\(member.key)' is \(member.value.summary), not a number")
        }
        guard Float(number).isFinite else { throw PathwayError.scaleNotFinite(layer: member.key) }
        scales[member.key] = Float(number)
      }
    }
  }

  /// Scales as a file that `read` takes; the same text for the same numbers.
  static func json(_ tables: [[String: Float]]) -> String {
    let objects = tables.map { table in
      // Swift prints the shortest decimal that reads back as the same Float; through Double it does so too.
      "{" + table.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
    }
    return "[" + objects.joined(separator: ",") + "]"
  }
}
