import Foundation
import MultimodalPathway
import PathwayData
import PathwayMedia

/// Point clouds of classes as training reads them: points drawn from a larger farthest-point sample, scaled and moved.
/// Clouds are centred and scaled to the unit sphere first, as for inference.
package struct PointSamples: Samples {
  package let paths: [String]
  package let labels: [[Int]]
  package let planes = 1
  /// P and 3.
  package let size: Extent
  private let isVaried: Bool
  private let preprocessor: PointPreprocessor
  private let note: NoteHandler

  /// - Parameter engine: samples points, with one thread.
  package init(
    _ files: any LabelledFiles, _ points: PointConfiguration, _ recipe: Recipe, engine: Engine,
    note: @escaping NoteHandler = { _ in }
  ) {
    (paths, labels, self.note) = (files.paths, files.labelSets, note)
    size = Extent(height: points.points, width: 3)
    isVaried = recipe.augmentation == .crop
    var sampled = points
    if isVaried { sampled.points = PointAugmentation.candidates(for: points.points) }
    preprocessor = PointPreprocessor(sampled, engine: engine)
  }

  package func read(
    _ sample: Int, _ random: RandomStream, into values: UnsafeMutableBufferPointer<Float>
  ) throws {
    let cloud = try PointFile.read(URL(fileURLWithPath: paths[sample]), note: note)
    let prepared: PointPreprocessor.Result
    do {
      prepared = try preprocessor(cloud)
    } catch {
      throw DataError.notPrepared(file: paths[sample], reason: "\(error)")
    }
    guard isVaried else {
      _ = values.update(fromContentsOf: prepared.values)
      return
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
  }
}
