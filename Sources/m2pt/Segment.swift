import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayData
import PathwayMedia

struct Segment: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Name the part that every point of a cloud belongs to.",
    discussion: """
      The model sees some 2,048 points; every point of the file, or of a mesh's sampled surface, gets the answer of \
      the nearest of them. Without --category all are tried, and the one is taken whose answers are surest.
      """)

  @OptionGroup var options: ModelOptions
  @Argument(help: "A PLY, OFF, OBJ, XYZ, NPY or NPZ file.") var file: String
  @Option(help: "What kind of object it is, one of the model's categories.") var category: String?
  @Option(help: "A file to write, all points coloured by part: PLY, with the part's number as label, or a PNG picture.")
  var output: String?
  @OptionGroup var replacement: OverwriteOption
  @Option(help: "The axis that points up in a picture: y as in OBJ files, or z.") var up = UpAxis.y
  @Flag(help: "JSON on standard output: a summary of the parts.") var json = false
  @Flag(help: "CSV on standard output: coordinates, part and probability of every point.") var csv = false

  func validate() throws {
    if json, csv { throw ValidationError("Give either --json or --csv.") }
  }

  func run() throws {
    let weights = try options.weights()
    let c = weights.configuration
    guard let points = c.points, let head = c.parts else {
      throw ToolError("\(options.model): the model does not answer for every point; `m2pt classify` names whole inputs")
    }
    let chosen = try category.map { name in
      guard let index = head.categories.firstIndex(where: { $0.name.lowercased() == name.lowercased() }) else {
        let known = head.categories.map(\.name).joined(separator: ", ")
        throw ToolError("'\(name)' is not a category of the model, which has \(known)")
      }
      return index
    }
    if let output { try PointPicture.checkName(URL(fileURLWithPath: output)) }
    let picture = output.map { OutputFile(pictureAt: $0, ofPoints: true, replacement) }
    try picture?.check(inputs: options.inputs(weights) + [URL(fileURLWithPath: file)])
    let model = try options.load(weights)
    let prepared = try PointFrontEnd(points, engine: model.engine, note: reportNote).prepared(
      URL(fileURLWithPath: file))
    let answer = try PartAnswer(model, prepared, category: chosen)
    guard answer.isFinite else { throw ToolError.answerNotFinite(file, "the answer for a point") }
    let parts = try answer.spread(over: prepared, engine: model.engine)
    if let picture {
      let places = parts.map { answer.parts.firstIndex(of: $0.part) ?? 0 }
      try PointPicture(cloud: prepared.source, colors: places.map { Self.color($0) }).write(
        .integers("label", parts.map { Int32($0.part) }), up: up, to: picture.url)
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
  static func color(_ index: Int) -> PointColor {
    let hue = (Double(index) * 0.618_033_988_749_895).truncatingRemainder(dividingBy: 1) * 6
    func channel(_ shift: Double) -> UInt8 {
      let distance = abs((hue + shift).truncatingRemainder(dividingBy: 6) - 3)
      return UInt8(255 * min(1, max(0.1, distance - 1)))
    }
    return PointColor(channel(0), channel(4), channel(2))
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
