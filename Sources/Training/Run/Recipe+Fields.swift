import MultimodalPathway

// Every key once: its name in files and on the command line, the values that it takes, and how it is read and written.

extension Recipe {
  /// One key of a recipe.
  struct Field: Sendable {
    let key: String
    /// The values that it takes, in words.
    let expected: String
    /// Returns false where the text is not such a value.
    let read: @Sendable (inout Recipe, String) -> Bool
    let write: @Sendable (Recipe) -> String
  }

  /// The names of all keys, in the order in which they are written.
  public static var keys: [String] { fields.map(\.key) }

  /// All keys and their values, as `set(_:to:)` takes them.
  package var settings: [(key: String, value: String)] { Self.fields.map { ($0.key, $0.write(self)) } }

  /// Sets a key to a value in text.
  ///
  /// - Throws: `TrainingError.unknownKey`, `.badSetting`.
  public mutating func set(_ key: String, to value: String) throws(TrainingError) {
    guard let field = Self.fields.first(where: { $0.key == key }) else {
      throw .unknownKey(found: key, known: Self.keys)
    }
    guard field.read(&self, value) else { throw .badSetting(key: key, found: value, expected: field.expected) }
  }

  /// The keys in which this recipe differs from another, with both values.
  package func differences(from other: Recipe) -> [(key: String, own: String, other: String)] {
    Self.fields.compactMap { field in
      let (own, theirs) = (field.write(self), field.write(other))
      return own == theirs ? nil : (field.key, own, theirs)
    }
  }

  static let fields: [Field] = [
    integer("epochs", 1...100_000, \.epochs),
    integer("batch", 1...4096, \.batch),
    integer("accumulate", 1...65_536, \.accumulate),
    choice("precision", \.precision),
    choice("optimizer", \.optimizer),
    number("learning_rate", 0...1000, \.learningRate),
    number("lambda_rate", 0...1_000_000, \.lambdaRate),
    number("weight_decay", 0...1000, \.weightDecay),
    number("layer_decay", 0.01...1, \.layerDecay),
    number("momentum", 0...0.9999, \.momentum),
    number("warmup_epochs", 0...100_000, \.warmupEpochs),
    number("clip", 0...1_000_000, \.clip, note: "; 0 does not clip"),
    imageSize, choice("freeze", \.freeze),
    number("label_smoothing", 0...0.9, \.labelSmoothing),
    number("drop_path", 0...0.9, \.dropPath),
    number("ema", 0...0.999999, \.ema, note: "; 0 keeps no average"),
    choice("augmentation", \.augmentation),
    number("crop_scale", 0.01...1, \.cropScale),
    number("flip", 0...1, \.flip),
    number("erase", 0...1, \.erase),
    number("mixup", 0...100, \.mixup, note: "; 0 does not mix"),
    number("cutmix", 0...100, \.cutmix, note: "; 0 does not mix"),
    seed,
  ]

  /// The model's own size is written as `model`.
  private static let imageSize = Field(
    key: "image_size", expected: "a number, HEIGHTxWIDTH, or model",
    read: { recipe, text in
      let extent = Extent(parsing: text)
      guard text == "model" || extent != nil else { return false }
      recipe.imageSize = extent
      return true
    },
    write: { $0.imageSize.map { "\($0.height)x\($0.width)" } ?? "model" })

  private static let seed = Field(
    key: "seed", expected: "a whole number, 0...\(UInt64.max)",
    read: { recipe, text in
      guard let value = UInt64(text) else { return false }
      recipe.seed = value
      return true
    },
    write: { "\($0.seed)" })

  private typealias Path<Value> = WritableKeyPath<Recipe, Value> & Sendable

  private static func integer(_ key: String, _ range: ClosedRange<Int>, _ path: Path<Int>) -> Field {
    number(key, range, path, kind: "a whole number")
  }

  private static func number<Value: LosslessStringConvertible & Comparable & Sendable>(
    _ key: String, _ range: ClosedRange<Value>, _ path: Path<Value>, kind: String = "a number", note: String = ""
  ) -> Field {
    Field(
      key: key, expected: "\(kind), \(range)\(note)",
      read: { recipe, text in
        guard let value = Value(text), range.contains(value) else { return false }
        recipe[keyPath: path] = value
        return true
      },
      write: { "\($0[keyPath: path])" })
  }

  private static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
    _ key: String, _ path: Path<Choice>
  ) -> Field {
    Field(
      key: key, expected: Choice.allCases.map(\.rawValue).joined(separator: ", "),
      read: { recipe, text in
        guard let value = Choice(rawValue: text) else { return false }
        recipe[keyPath: path] = value
        return true
      },
      write: { $0[keyPath: path].rawValue })
  }
}
