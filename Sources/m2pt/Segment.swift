import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayMedia

struct Segment: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Name the part that every point of a cloud belongs to.",
    discussion: """
      The model sees some 2,048 points; every point of the file, or of a mesh's sampled surface, gets the answer of \
      the nearest of them. Without --category all are tried, and the one is taken whose answers are surest.
      """)

  @OptionGroup var options: ModelOptions
  @Argument(help: "A PLY, OFF, OBJ, XYZ or NPY file.") var file: String
  @Option(help: "What kind of object it is, one of the model's categories.") var category: String?
  @Option(help: "A file to write, all points coloured by part: PLY, with the part's number as label, or a PNG picture.")
  var output: String?
  @Option(help: "The axis that points up in a picture: y as in OBJ files, or z.") var up = UpAxis.y
  @Flag(help: "JSON on standard output: a summary of the parts.") var json = false
  @Flag(help: "CSV on standard output: coordinates, part and probability of every point.") var csv = false

  func validate() throws {
    if json, csv { throw ValidationError("Give either --json or --csv.") }
  }

  func run() throws {
    let model = try options.load()
    let c = model.configuration
    guard let points = c.points, c.task == .perPoint else {
      throw ToolError("\(options.model): the model does not answer for every point; `m2pt classify` names whole inputs")
    }
    let chosen = try category.map { name in
      guard let index = points.categories.firstIndex(where: { $0.name.lowercased() == name.lowercased() }) else {
        let known = points.categories.map(\.name).joined(separator: ", ")
        throw ToolError("'\(name)' is not a category of the model, which has \(known)")
      }
      return index
    }
    if let output { try PointPicture.checkName(URL(fileURLWithPath: output)) }
    let prepared = try PointFrontEnd(points, engine: model.engine).prepared(URL(fileURLWithPath: file))
    let answer = try PartAnswer(model, points, prepared, category: chosen)
    guard answer.isFinite else { throw ToolError.answerNotFinite(file, "the answer for a point") }
    let parts = try answer.spread(over: prepared, engine: model.engine)
    if let output {
      let places = parts.map { answer.parts.firstIndex(of: $0.part) ?? 0 }
      try PointPicture(cloud: prepared.source, colors: places.map { Self.color($0) }).write(
        .integers("label", parts.map { Int32($0.part) }), up: up, to: URL(fileURLWithPath: output))
    }
    let report = Report(file, answer, parts, c, output)
    if json { return try printJSON(report) }
    if csv { return try printCSV(prepared.source, parts) }
    try StandardOutput.show(report.lines)
  }

  private func printCSV(_ cloud: PointCloud, _ parts: [PartAnswer.Point]) throws {
    try StandardOutput.write("x,y,z,part,probability\n")
    for start in stride(from: 0, to: parts.count, by: 4096) {
      let lines = (start..<min(parts.count, start + 4096)).map { index in
        "\(cloud.digits(index).joined(separator: ",")),\(parts[index].part),\(parts[index].probability)\n"
      }
      try StandardOutput.write(lines.joined())
    }
  }

  /// Colours that are far apart: hues by the golden angle, full saturation.
  static func color(_ index: Int) -> (UInt8, UInt8, UInt8) {
    let hue = (Double(index) * 0.618_033_988_749_895).truncatingRemainder(dividingBy: 1) * 6
    func channel(_ shift: Double) -> UInt8 {
      let distance = abs((hue + shift).truncatingRemainder(dividingBy: 6) - 3)
      return UInt8(255 * min(1, max(0.1, distance - 1)))
    }
    return (channel(0), channel(4), channel(2))
  }

  struct Report: Encodable {
    struct Part: Encodable {
      var part: Int
      var label: String
      var points: Int
      var mean_probability: Double
    }

    var file: String
    var category: String
    var points: Int
    var parts: [Part]
    var output: String?

    init(
      _ file: String, _ answer: PartAnswer, _ points: [PartAnswer.Point], _ c: VisionTransformerConfiguration,
      _ output: String?
    ) {
      self.file = file
      self.output = output
      let category = answer.category
      self.category = category.name
      self.points = points.count
      parts = answer.parts.enumerated().compactMap { place, part in
        let own = points.filter { $0.part == part }
        guard !own.isEmpty else { return nil }
        return Part(
          part: part, label: c.labels?[part] ?? "\(category.name) \(place + 1)", points: own.count,
          mean_probability: own.reduce(0) { $0 + Double($1.probability) } / Double(own.count))
      }
    }

    var lines: [String] {
      ["\(file): \(category), \(points) points"]
        + parts.map { part in
          let share = 100 * Double(part.points) / Double(points)
          return String(
            format: "  %6.2f %%  %@ (part %ld), probability %.3f", share, part.label.onOneLine(limit: longestLabel),
            part.part, part.mean_probability)
        } + (output.map { ["wrote \($0)"] } ?? [])
    }
  }
}

/// What a model says of the points that it saw.
struct PartAnswer {
  struct Point {
    let part: Int
    /// Among the category's parts.
    let probability: Float
  }

  let category: PointConfiguration.Category
  /// The classes that the category can have.
  let parts: [Int]
  /// Of every point that the model saw.
  private let points: [Point]
  /// Sum of the points' log-probabilities.
  private let certainty: Double

  /// - Parameter category: its number; absent: all are tried in one pass, and the surest is taken.
  init(
    _ model: VisionTransformer, _ configuration: PointConfiguration, _ prepared: PointPreprocessor.Result,
    category: Int?
  ) throws {
    let tried = category.map { [$0] } ?? Array(configuration.categories.indices)
    let classes = model.configuration.classCount
    var best: (certainty: Double, category: Int, parts: [Int], points: [Point])?
    let workspace = try model.workspace(batch: 1)
    let cloud = Tensor(prepared.values, shape: [1, configuration.points, 3])
    for number in tried {
      let logits = try model.forward(cloud, categories: [number], workspace: workspace).logits.float32()
      let own = configuration.categories[number].parts
      let parts = own.isEmpty ? Array(0..<classes) : own
      let points = (0..<configuration.points).map { point in
        Self.answer(logits[point * classes..<(point + 1) * classes], parts)
      }
      // All classes count: a category that is wrong leaves its own parts little.
      let certainty = points.indices.reduce(0.0) { $0 + Double(logits[$1 * classes + points[$1].part]) }
      if best.map({ certainty > $0.certainty }) ?? true { best = (certainty, number, parts, points) }
    }
    guard let best else { throw ToolError("the model has no categories") }
    self.category = configuration.categories[best.category]
    parts = best.parts
    points = best.points
    certainty = best.certainty
  }

  var isFinite: Bool { points.allSatisfy(\.probability.isFinite) && certainty.isFinite }

  /// The likeliest of `parts`, of equal ones the first, and its share of their probabilities.
  private static func answer(_ logits: ArraySlice<Float>, _ parts: [Int]) -> Point {
    var top = parts[0]
    for part in parts where logits[logits.startIndex + part] > logits[logits.startIndex + top] { top = part }
    let total = parts.reduce(Float(0)) { $0 + exp(logits[logits.startIndex + $1] - logits[logits.startIndex + top]) }
    return Point(part: top, probability: 1 / total)
  }

  /// The answer of the nearest point that the model saw, for every point of the source.
  func spread(over prepared: PointPreprocessor.Result, engine: Engine) throws -> [Point] {
    // Scaled, no distance is too small for float32.
    let source = try prepared.source.normalized()
    let seen = try source.points(prepared.indices)
    return try PointSampling(seen, engine: engine).nearest(1, to: source).map { points[$0] }
  }
}
