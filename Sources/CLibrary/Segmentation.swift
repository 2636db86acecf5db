import CLibrarySupport
import Foundation
import MultimodalPathway
import PathwayData

// Parts of clouds (m2pt.h).

/// Writes the part of every point of a file, and how probable it is.
@_cdecl("m2pt_segment_file")
public func m2ptSegmentFile(
  _ model: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ category: UnsafeMutablePointer<Int32>?,
  _ parts: UnsafeMutablePointer<Int32>?, _ probabilities: UnsafeMutablePointer<Float>?,
  _ count: UnsafeMutablePointer<Int>?
) -> m2pt_status {
  status { try segment(.of(model), .file(url(path)), category, PartOutputs(parts, probabilities, count)) }
}

/// Writes the part of every point of a file of `size` bytes in memory, and how probable it is.
@_cdecl("m2pt_segment_data")
public func m2ptSegmentData(
  _ model: OpaquePointer?, _ data: UnsafeRawPointer?, _ size: Int, _ name: UnsafePointer<CChar>?,
  _ category: UnsafeMutablePointer<Int32>?, _ parts: UnsafeMutablePointer<Int32>?,
  _ probabilities: UnsafeMutablePointer<Float>?, _ count: UnsafeMutablePointer<Int>?
) -> m2pt_status {
  status {
    let outputs = try PartOutputs(parts, probabilities, count)
    try withSource(data, size, name) { try segment(.of(model), $0, category, outputs) }
  }
}

/// The caller's memory for the points of a file.
private struct PartOutputs {
  /// Both null: points are only counted.
  let parts: UnsafeMutablePointer<Int32>?
  let probabilities: UnsafeMutablePointer<Float>?
  /// The points that there is room for; then those of the file.
  let count: UnsafeMutablePointer<Int>

  init(
    _ parts: UnsafeMutablePointer<Int32>?, _ probabilities: UnsafeMutablePointer<Float>?,
    _ count: UnsafeMutablePointer<Int>?
  ) throws {
    guard let count else { throw ArgumentError("count is NULL, expected a place for the number of points") }
    (self.parts, self.probabilities, self.count) = (parts, probabilities, count)
  }

  var onlyCounts: Bool { parts == nil && probabilities == nil }

  func check(_ needed: Int) throws {
    guard count.pointee >= needed else {
      throw ArgumentError("parts has room for \(count.pointee) points, expected at least \(needed)")
    }
  }

  func write(_ points: [PartAnswer.Point]) {
    for (index, point) in points.enumerated() {
      parts?[index] = Int32(point.part)
      probabilities?[index] = point.probability
    }
    count.pointee = points.count
  }
}

private func segment(
  _ loaded: LoadedModel, _ source: InputSource, _ category: UnsafeMutablePointer<Int32>?, _ outputs: PartOutputs
) throws {
  let model = loaded.transformer.model
  guard let frontEnd = loaded.frontEnd as? PointFrontEnd, let known = model.configuration.parts?.categories else {
    throw DataError.answersWhole
  }
  if outputs.onlyCounts {
    outputs.count.pointee = try frontEnd.points(of: source).count
    return
  }
  let chosen = category.map { Int($0.pointee) } ?? -1
  guard (-1..<known.count).contains(chosen) else {
    throw ArgumentError("category is \(chosen), expected -1..<\(known.count)")
  }
  let prepared = try frontEnd.prepared(source)
  try outputs.check(prepared.source.count)
  let answer = try PartAnswer(model, prepared, category: chosen < 0 ? nil : chosen)
  guard answer.isFinite else { throw DataError.notFinite(file: source.name) }
  let points = try answer.spread(over: prepared, engine: model.engine)
  outputs.write(points)
  if let category, let number = known.firstIndex(of: answer.category) { category.pointee = Int32(number) }
}
