import Foundation
import MultimodalPathway
import Yams

extension Recipe {
  /// A recipe of the defaults and the keys of a YAML mapping.
  ///
  ///     epochs: 30
  ///     learning_rate: 5e-4
  ///     image_size: 224
  ///
  /// - Parameter file: names the text in errors.
  /// - Throws: `TrainingError.badRecipe` for text that is no mapping of scalars; `.unknownKey`, `.badSetting`.
  public init(yaml text: String, file: String) throws(TrainingError) {
    self.init()
    if let reason = Self.refusal(of: text) { throw .badRecipe(file: file, reason: reason) }
    let node: Node?
    do {
      node = try Yams.compose(yaml: text)
    } catch {
      throw .badRecipe(file: file, reason: "\(error)")
    }
    // An empty file is a recipe of defaults.
    guard let node, node.scalar?.string.isEmpty != true else { return }
    guard let mapping = node.mapping else { throw .badRecipe(file: file, reason: "it is no mapping of keys to values") }
    for (key, value) in mapping {
      guard let key = key.scalar?.string, let value = value.scalar?.string else {
        throw .badRecipe(file: file, reason: "'\(key.scalar?.string ?? "a key")' is no scalar")
      }
      try set(key, to: value)
    }
  }

  /// Reads a recipe from a YAML file.
  ///
  /// - Throws: `TrainingError`.
  public init(contentsOf url: URL) throws(TrainingError) {
    let data: Data
    do {
      let file = try FileHandle(forReadingFrom: url)
      data = try file.read(upToCount: Self.mostBytes + 1) ?? Data()
    } catch {
      throw .badRecipe(file: url.path, reason: error.localizedDescription)
    }
    guard let text = String(data: data, encoding: .utf8) else {
      throw .badRecipe(file: url.path, reason: "it is not in UTF-8")
    }
    try self.init(yaml: text, file: url.path)
  }

  private static let mostBytes = 1 << 16
  /// A recipe is one mapping. The parser calls itself for each level, and compares what aliases repeat.
  private static let (mostLevels, mostAliases) = (256, 16)

  /// Why a text is not given to the parser, whose time and stack could grow without a bound.
  private static func refusal(of text: String) -> String? {
    guard text.utf8.count <= mostBytes else { return "it has more than \(mostBytes) bytes" }
    guard !text.hasTooManyCombiningMarks else { return "it has more than 30 combining marks in a row" }
    var (levels, aliases) = (0, 0)
    for (byte, next) in zip(text.utf8, Array(text.utf8.dropFirst()) + [UInt8(ascii: "\n")]) {
      switch byte {
      case UInt8(ascii: "["), UInt8(ascii: "{"): levels += 1
      case UInt8(ascii: "-"), UInt8(ascii: "?"), UInt8(ascii: ":"): levels += next <= UInt8(ascii: " ") ? 1 : 0
      case UInt8(ascii: "*"): aliases += next > UInt8(ascii: " ") ? 1 : 0
      default: break
      }
    }
    guard levels <= mostLevels else { return "it has more than \(mostLevels) keys, list items and brackets" }
    return aliases <= mostAliases ? nil : "it has more than \(mostAliases) aliases"
  }

  /// Its settings as YAML, which `init(yaml:file:)` reads back to an equal recipe.
  public var yaml: String { settings.map { "\($0.key): \($0.value)\n" }.joined() }
}
