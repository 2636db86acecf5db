import Foundation
import MultimodalPathway
import PathwayMedia

/// Point clouds and meshes.
struct PointFrontEnd: FrontEnd {
  let preprocessor: PointPreprocessor
  let shape: [Int]

  let endings = ["ply", "off", "obj", "xyz", "txt", "pts", "csv", "npy"]
  let viewCount: Int? = 1

  init(_ points: PointConfiguration, engine: Engine) {
    preprocessor = PointPreprocessor(points, engine: engine)
    shape = [points.points, 3]
  }

  func views(_ file: URL) throws -> [Float] { try prepared(file).values }

  /// Points have no picture.
  func view(_ file: URL, _ c: VisionTransformerConfiguration) throws -> (values: Tensor, pictures: [PixelImage]) {
    (Tensor(try prepared(file).values, shape: [1] + shape), [])
  }

  func prepared(_ file: URL) throws -> PointPreprocessor.Result {
    let cloud = try PointFile.read(file, note: { report("\($0)") })
    do {
      return try preprocessor(cloud)
    } catch {
      throw ToolError("\(file.relativePath): \(error)")
    }
  }
}
