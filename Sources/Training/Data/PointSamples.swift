import Foundation
import MultimodalPathway
import PathwayData
import PathwayMedia

/// Point clouds of classes as training reads them: points drawn from a larger farthest-point sample, scaled and moved.
/// Clouds are centred and scaled to the unit sphere first, as for inference. Points of a model of parts keep their
/// labels.
package struct PointSamples: Samples {
  package let paths: [String]
  package let labels: [[Int]]
  package let planes = 1
  /// P and 3.
  package let size: Extent
  /// Categories of a model of parts, and the number of parts; nil: clouds are answered as a whole.
  private let head: (categories: [PartConfiguration.Category], classCount: Int)?
  private let isVaried: Bool
  private let preprocessor: PointPreprocessor
  private let note: NoteHandler

  /// - Parameters:
  ///   - categories: of a model of parts, the classes of the files; nil: clouds are answered as a whole.
  ///   - classCount: classes of the head.
  ///   - engine: samples points, with one thread.
  package init(
    _ files: any LabelledFiles, _ points: PointConfiguration, categories: [PartConfiguration.Category]? = nil,
    classCount: Int = 0, _ recipe: Recipe, engine: Engine, note: @escaping NoteHandler = { _ in }
  ) {
    (paths, labels, self.note) = (files.paths, files.labelSets, note)
    head = categories.map { ($0, classCount) }
    size = Extent(height: points.points, width: 3)
    isVaried = recipe.augmentation == .crop
    var sampled = points
    if isVaried { sampled.points = PointAugmentation.candidates(for: points.points) }
    preprocessor = PointPreprocessor(sampled, engine: engine)
  }

  package func read(
    _ sample: Int, _ random: RandomStream, into values: UnsafeMutableBufferPointer<Float>
  ) throws {
    _ = try readParts(sample, random, into: values)
  }

  package func readParts(
    _ sample: Int, _ random: RandomStream, into values: UnsafeMutableBufferPointer<Float>
  ) throws -> [Int] {
    let (prepared, parts) = try prepared(sample)
    guard isVaried else {
      _ = values.update(fromContentsOf: prepared.values)
      return parts
    }
    var random = random
    // Of a cloud with fewer points than candidates, all come first, then again.
    let distinct = min(prepared.source.count, prepared.indices.count)
    let count = size.height
    let drawn =
      distinct > count
      ? PointAugmentation.drawn(count, of: distinct, &random) : (0..<count).map { $0 % distinct }
    for (place, index) in drawn.enumerated() {
      for axis in 0..<3 { values[3 * place + axis] = prepared.values[3 * index + axis] }
    }
    PointAugmentation.vary(values, &random)
    return parts.isEmpty ? [] : drawn.map { parts[$0] }
  }

  /// The candidates of a file, with their parts where the model answers with parts.
  private func prepared(_ sample: Int) throws -> (PointPreprocessor.Result, parts: [Int]) {
    let file = URL(fileURLWithPath: paths[sample])
    if let head {
      let category = head.categories[labels[sample][0]]
      let cloud = try LabelledCloud(
        file, preprocessor, category: category, classCount: head.classCount, note: note)
      return (cloud.prepared, cloud.parts)
    }
    let cloud = try PointFile.read(file, note: note)
    do {
      return (try preprocessor(cloud), [])
    } catch {
      throw DataError.notPrepared(file: paths[sample], reason: "\(error)")
    }
  }
}
