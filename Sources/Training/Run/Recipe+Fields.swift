import MultimodalPathway

// Every key once: its name in files and on the command line, the values that it takes, and how it is read and written.

extension Recipe {
  /// One key of a recipe.
  struct Field: Sendable {
    let key: String
    /// The values that it takes, in words.
    let expected: String
    /// The modalities that it is for; nil: all.
    var modalities: Set<Modality>?
    /// The only value of another key with which it has an effect; nil: it has one with all.
    var condition: Condition?
    /// Whether it is written only with another value than its default, so that recipes keep the text that they had
    /// before there was the key.
    var omitsDefault = false
    /// Returns false where the text is not such a value.
    let read: @Sendable (inout Recipe, String) -> Bool
    let write: @Sendable (Recipe) -> String

    /// The same key, for these modalities alone.
    func only(_ modalities: Modality...) -> Field {
      var field = self
      (field.modalities, field.omitsDefault) = (Set(modalities), !modalities.contains(.image))
      return field
    }

    /// The same key, which has an effect only where another has a value.
    func needing(_ key: String, _ value: String, idle: String) -> Field {
      var field = self
      field.condition = Condition(key: key, value: value, idle: idle)
      return field
    }
  }

  /// What a key needs to have an effect.
  struct Condition: Sendable {
    let key: String
    let value: String
    /// The value that says the same as no effect.
    let idle: String
  }

  /// The names of all keys, in the order in which they are written.
  public static var keys: [String] { fields.map(\.key) }

  /// Keys and their values, as `set(_:to:)` takes them: all but newer ones and those of other modalities that have
  /// their default.
  package var settings: [(key: String, value: String)] {
    let usual = Recipe()
    return Self.fields.compactMap { field in
      let value = field.write(self)
      return field.omitsDefault && value == field.write(usual) ? nil : (field.key, value)
    }
  }

  /// Checks that every key without an effect has its default: keys that are only for other modalities, and keys that
  /// need another value of another key.
  ///
  /// - Throws: `TrainingError.notApplicable`, `.noEffect`.
  package func check(for modality: Modality) throws(TrainingError) {
    let usual = Recipe()
    for field in Self.fields {
      let (value, standard) = (field.write(self), field.write(usual))
      guard value != standard else { continue }
      if let modalities = field.modalities, !modalities.contains(modality) {
        throw .notApplicable(
          key: field.key, found: value, modality: modality.rawValue, standard: standard,
          applies: Modality.allCases.filter(modalities.contains).map(\.rawValue))
      }
      if let condition = field.condition, value != condition.idle,
        let other = Self.fields.first(where: { $0.key == condition.key })?.write(self), other != condition.value
      {
        throw .noEffect(
          key: field.key, found: value, other: condition.key, otherFound: other, needed: condition.value,
          standard: standard)
      }
    }
  }

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
    number("momentum", 0...0.9999, \.momentum).needing("optimizer", "sgd", idle: "0.0"),
    number("warmup_epochs", 0...100_000, \.warmupEpochs),
    number("clip", 0...1_000_000, \.clip, note: "; 0 does not clip"),
    imageSize.only(.image, .video), choice("freeze", \.freeze),
    number("label_smoothing", 0...0.9, \.labelSmoothing),
    number("drop_path", 0...0.9, \.dropPath),
    number("ema", 0...0.999999, \.ema, note: "; 0 keeps no average"),
    choice("augmentation", \.augmentation),
    number("crop_scale", 0.01...1, \.cropScale).only(.image, .video).needing("augmentation", "crop", idle: "1.0"),
    number("flip", 0...1, \.flip).only(.image, .video).needing("augmentation", "crop", idle: "0.0"),
    randAugment,
    number("erase", 0...1, \.erase).only(.image, .video),
    number("mixup", 0...100, \.mixup, note: "; 0 does not mix").only(.image, .video, .audio),
    number("cutmix", 0...100, \.cutmix, note: "; 0 does not mix").only(.image, .video),
    number("frequency_mask", 0...1, \.frequencyMask, note: "; 0 does not mask").only(.audio),
    number("time_mask", 0...1, \.timeMask, note: "; 0 does not mask").only(.audio),
    number("noise", 0...1, \.noise, note: "; 0 adds none").only(.audio),
    resample.only(.audio),
    integer("channel", 0...1024, \.channel, note: "; 0 is the mean of all").only(.audio),
    integer("repeat", 1...64, \.repeats).only(.video),
    task, seed,
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

  private static let resample = Field(
    key: "resample", expected: "true or false",
    read: { recipe, text in
      guard let value = Bool(text) else { return false }
      recipe.resample = value
      return true
    },
    write: { "\($0.resample)" })

  private static var task: Field {
    var field = choice("task", \.task)
    field.omitsDefault = true
    return field
  }

  private static var randAugment: Field {
    var field = Field(
      key: "rand_augment", expected: "none, or \(RandAugment.expected)",
      read: { recipe, text in
        let value = RandAugment(text)
        guard text == "none" || value != nil else { return false }
        recipe.randAugment = value
        return true
      },
      write: { $0.randAugment.map { "\($0)" } ?? "none" }
    ).only(.image).needing("augmentation", "crop", idle: "none")
    field.omitsDefault = true
    return field
  }

  private static let seed = Field(
    key: "seed", expected: "a whole number, 0...\(UInt64.max)",
    read: { recipe, text in
      guard let value = UInt64(text) else { return false }
      recipe.seed = value
      return true
    },
    write: { "\($0.seed)" })

  private typealias Path<Value> = WritableKeyPath<Recipe, Value> & Sendable

  private static func integer(
    _ key: String, _ range: ClosedRange<Int>, _ path: Path<Int>, note: String = ""
  ) -> Field {
    number(key, range, path, kind: "a whole number", note: note)
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
