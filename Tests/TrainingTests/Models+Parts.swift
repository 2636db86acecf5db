import Foundation
import MultimodalPathway
import PathwayData
import PathwayMedia
import TestSupport

/// Models that answer for every point, and labelled clouds, made here.
extension Models {
  /// A model of clouds of 48 points in 8 groups of 8, which tells the upper and the lower half of a ball (0, 1), and
  /// the right and the left end of a rod (2, 3).
  static var parts: VisionTransformerConfiguration {
    var c = points
    guard var numbers = c.points else { return c }
    (numbers.points, numbers.groups) = (48, 8)
    c.input = .points(numbers)
    var head = PartConfiguration()
    (head.featureBlocks, head.categoryWidth, head.propagationWidths, head.pointWidths) = ([0, 1], 4, [16, 16], [16, 12])
    head.categories = [.init(name: "ball", parts: [0, 1]), .init(name: "rod", parts: [2, 3])]
    (c.head, c.hasClassToken, c.pooling) = (.parts(head), false, .maximum)
    (c.classCount, c.labels) = (4, nil)
    return c
  }

  /// The front end of a model of points.
  static func pointFrontEnd(_ c: VisionTransformerConfiguration) throws -> PointFrontEnd {
    try PointFrontEnd(c.points ?? PointConfiguration(), engine: Engine(threads: 1))
  }

  /// Folders `ball` and `rod` of clouds of 100 points with a label each, none in the middle between two parts.
  static func writeLabelledClouds(in folder: URL, count: Int, seed: UInt64 = 9) throws -> any LabelledFiles {
    var random = SeededGenerator(seed: seed)
    for name in ["ball", "rod"] {
      let place = folder.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      for index in 0..<count {
        let lines = (0..<100).map { point in
          let (v, side) = (random.floats(3), point % 2)
          let end = Float(side == 0 ? 1 : -1) * (0.4 + 0.6 * abs(v[2]))
          return name == "ball"
            ? "\(v[0]) \(v[1]) \(end) \(side)" : "\(end) \(v[0] / 20) \(v[1] / 20) \(2 + side)"
        }
        try Data((["x y z label"] + lines).joined(separator: "\n").utf8).write(
          to: place.appendingPathComponent("\(index).xyz"))
      }
    }
    let c = parts
    return try LabelledData.read(folder.path, pointFrontEnd(c), of: c.parts ?? PartConfiguration())
  }

  /// A model of parts whose answer is the part of a category with the larger number of `preferred`, whatever the cloud.
  static func partsPreferring(_ preferred: [Float]) throws -> VisionTransformer {
    let random = try ModelWeights.random(parts, seed: 1)
    var tensors = random.tensors
    for name in ["convs3.weight", "convs3.bias"] {
      let shape = try random.tensor(name).shape
      tensors[name] = Tensor(
        name.hasSuffix("bias") ? preferred : [Float](repeating: 0, count: shape.reduce(1, *)), shape: shape)
    }
    return try VisionTransformer(
      ModelWeights(
        configuration: parts, tensors: tensors, metadata: [:], files: [], storedType: .float32, preprocessing: nil),
      engine: Engine(threads: 1))
  }

  /// Writes points along a line with these labels.
  static func writeLine(_ labels: [Int], to file: URL) throws {
    let lines = labels.enumerated().map { "\(Float($0 * $0) / 7) \(Float($0) / 3) 0.5 \($1)" }
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data((["x y z label"] + lines).joined(separator: "\n").utf8).write(to: file)
  }
}
