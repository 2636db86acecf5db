import PathwayCheckpoints
import PathwayKernels

extension VisionTransformer {
  /// Bytes of a model's weights as its layers keep them: packed matrices, copies of everything else.
  static func weightBytes(
    _ weights: PathwayWeights, execution: PathwayExecution, precision: PrecisionPlan, engine: Engine
  ) throws -> Int {
    let c = weights.target.configuration
    var total = 0
    func add(_ bytes: Int) { total = total.addingReportingOverflow(bytes).overflow ? .max : total + bytes }
    func packed(_ tensor: Tensor, _ precision: Precision) -> Int {
      let n = tensor.shape.first ?? 1
      return PackedMatrix.byteCount(n: n, k: tensor.count / max(1, n), precision: precision, engine: engine)
    }
    var layers: Set<String> = []
    for block in 0..<c.depth {
      for layer in PathwayLayer.allCases {
        let name = layer.name(inBlock: block) + ".weight"
        layers.insert(name)
        let terms = try weights.terms(block, layer).count
        let copies = execution == .folded && terms > 0 ? 0 : execution == .twoBranch ? 1 + terms : 1
        add(SystemMemory.product(copies, packed(try weights.target.tensor(name), precision[block, layer])))
      }
    }
    for (name, tensor) in weights.target.tensors where !layers.contains(name) {
      let isNarrow = name == PrecisionPlan.patchEmbeddingName + ".weight"
      add(tensor.shape.count < 2 ? tensor.count * 4 : packed(tensor, isNarrow ? precision.patchEmbedding : .float32))
    }
    return total
  }
}
