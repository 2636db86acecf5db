import Foundation
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
    let text: String
    do {
      text = try String(contentsOf: url, encoding: .utf8)
    } catch {
      throw .badRecipe(file: url.path, reason: error.localizedDescription)
    }
    try self.init(yaml: text, file: url.path)
  }

  /// Its settings as YAML, which `init(yaml:file:)` reads back to an equal recipe.
  public var yaml: String { settings.map { "\($0.key): \($0.value)\n" }.joined() }
}
