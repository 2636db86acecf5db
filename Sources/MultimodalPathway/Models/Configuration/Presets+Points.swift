// Point transformers by the data set that their published weights were fine-tuned on: Point-MAE's (384 wide) and M2PT's
// (768 wide with 6 heads).

extension VisionTransformerConfiguration {
  static let pointTable: [String: VisionTransformerConfiguration] = {
    var modelNet = point("point_mae_modelnet40", width: 384)
    modelNet.classCount = 40
    modelNet.labels = [
      "airplane", "bathtub", "bed", "bench", "bookshelf", "bottle", "bowl", "car", "chair", "cone", "cup", "curtain",
      "desk", "door", "dresser", "flower_pot", "glass_box", "guitar", "keyboard", "lamp", "laptop", "mantel", "monitor",
      "night_stand", "person", "piano", "plant", "radio", "range_hood", "sink", "sofa", "stairs", "stool", "table",
      "tent", "toilet", "tv_stand", "vase", "wardrobe", "xbox",
    ]
    var dense = point("point_mae_modelnet40_8k", width: 384, points: 8192, groups: 512)
    (dense.classCount, dense.labels) = (modelNet.classCount, modelNet.labels)
    var scanObject = point("point_mae_scanobjectnn", width: 384, points: 2048, groups: 128)
    scanObject.classCount = 15
    scanObject.labels = [
      "bag", "bin", "box", "cabinet", "chair", "desk", "display", "door", "shelf", "table", "bed", "pillow", "sink",
      "sofa", "toilet",
    ]
    let parts = [("point_mae_shapenetpart", 384), ("point_m2pt_shapenetpart", 768)].map { name, width in
      var c = point(name, width: width, points: 2048, groups: 128)
      var head = PartConfiguration()
      head.categories = PartConfiguration.shapeNetPart
      c.head = .parts(head)
      c.classCount = 50
      c.hasClassToken = false
      c.pooling = .maximum
      return c
    }
    return Dictionary(uniqueKeysWithValues: ([modelNet, dense, scanObject] + parts).map { ($0.architecture, $0) })
  }()

  /// A point transformer of 12 blocks with Point-MAE's choices.
  static func point(_ name: String, width: Int, points: Int = 1024, groups: Int = 64) -> VisionTransformerConfiguration
  {
    var c = VisionTransformerConfiguration(
      architecture: name, imageSize: Extent(square: 1), patchSize: Extent(square: 1), width: width, depth: 12, heads: 6)
    c.pooling = .tokenAndMaximum
    c.qkvBias = .none
    c.epsilon = 1e-5
    var numbers = PointConfiguration()
    numbers.points = points
    numbers.groups = groups
    c.input = .points(numbers)
    c.head = .pointClasses
    return c
  }
}
