import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayData
import PathwayTraining

extension Evaluate {
  /// What is measured of a model that answers for every point.
  private struct PartReport: Encodable {
    struct Part: Encodable {
      var part: Int
      /// Absent where the model has no names of parts.
      var label: String?
      /// Mean over the files of the category; absent without files.
      var iou: Double?
    }

    struct Category: Encodable {
      var category: String
      var count: Int
      /// Mean over the files; absent without files.
      var iou: Double?
      var parts: [Part]
    }

    var count: Int
    /// Mean over the categories that have files.
    var miou: Double
    /// Mean over files.
    var instance_miou: Double
    var point_accuracy: Double
    var iou: [Category]
    var skipped: [String]

    init(_ found: PartIntersection, _ c: VisionTransformerConfiguration, _ head: PartConfiguration, skipped: [String]) {
      (count, miou, instance_miou) = (found.count, found.categoryMean, found.instanceMean)
      (point_accuracy, self.skipped) = (found.pointAccuracy, skipped)
      iou = head.categories.enumerated().map { index, category in
        Category(
          category: category.name, count: found.count(ofCategory: index), iou: found.mean(ofCategory: index),
          parts: category.parts(of: c.classCount).map { part in
            Part(part: part, label: c.labels?[part], iou: found.mean(ofPart: part, category: index))
          })
      }
    }

    /// The measures, and a table of the categories that have files.
    var lines: [String] {
      var measures = [("instance mIoU", instance_miou), ("class mIoU", miou), ("point accuracy", point_accuracy)].map {
        String(format: "%@ %.2f %%", $0, 100 * $1)
      }
      if !skipped.isEmpty { measures.append("\(skipped.count) left out") }
      let shown = iou.filter { $0.count > 0 }
      let names = shown.map { $0.category.onOneLine(limit: 24) }
      let width = max("category".count, names.map(\.count).max() ?? 0)
      let rows = zip(names, shown).map { name, category in
        name.padded(to: width) + String(format: "  %6d  %6.2f", category.count, 100 * (category.iou ?? 0))
          + category.parts.map { part in
            let name = part.label?.onOneLine(limit: 24) ?? "\(part.part)"
            return "  \(name): " + String(format: "%.2f", 100 * (part.iou ?? 0))
          }.joined()
      }
      let titles = "category".padded(to: width) + "   files  mIoU %  by part"
      return ["\(count) files: " + measures.joined(separator: ", "), titles] + rows
    }
  }

  /// Measures a model that answers for every point.
  func measureParts(_ model: VisionTransformer, _ head: PartConfiguration, _ frontEnd: PointFrontEnd) throws {
    let c = model.configuration
    guard !confusion else { throw ToolError("\(data): --confusion is for models of whole files; leave it out") }
    let files = try LabelledData.read(data, frontEnd, split: split ?? .test, of: head)
    if split != nil, !(files is Manifest) { throw ToolError("\(data): --split is for a table with that column") }
    reportUnread(files.unread)
    var evaluation = try Evaluation(of: files, head)
    let labels = files.labelSets
    let workspace = try model.workspace(batch: 1)
    let run = FileRun("evaluate", names: files.paths, options: failures, interrupted: "no file was counted")
    try run.forEachFile { file in
      try frontEnd.labelled(
        URL(fileURLWithPath: run.names[file]), category: head.categories[labels[file][0]], classCount: c.classCount)
    } _: { file, cloud in
      let answer = try PartAnswer(model, cloud.prepared, category: labels[file][0], workspace: workspace)
      guard answer.isFinite else {
        return try run.fail(ToolError.answerNotFinite(run.names[file], "the answer for a point"))
      }
      try evaluation.note(cloud, category: labels[file][0], answer)
    }
    try run.end()
    guard let found = evaluation.parts, found.count > 0 else {
      throw ToolError("no file can be read; the first: \(run.skipped.first ?? "")")
    }
    let report = PartReport(found, c, head, skipped: run.skipped)
    if json { return try printJSON(report) }
    try StandardOutput.show(report.lines)
  }
}
