import MultimodalPathway
import PathwayKernels

/// The numbers of a training run: values, gradients, moments and the average of values, each in one piece of memory
/// that a `ParameterTable` describes.
///
/// One step at a time changes it; between steps any thread may read it.
package final class ParameterArena {
  package let table: ParameterTable
  /// Of every tensor.
  package let values: FloatBuffer
  /// Of the target's tensors: `dL/dW` of the joined layers too.
  package let gradients: FloatBuffer
  /// First moments, or momentum, of the tensors that train.
  package let first: FloatBuffer
  /// Second moments; empty where the optimizer has none.
  package let second: FloatBuffer
  /// The average of values; nil: none is kept.
  package let average: FloatBuffer?

  /// Memory with the values of a target and its auxiliaries; moments are 0, and the average is the values.
  ///
  /// - Throws: `MemoryError`; `PathwayError`, `BindingError` where tensors are missing.
  package init(_ table: ParameterTable, _ weights: PathwayWeights, optimizer: Recipe.Optimizer, averages: Bool) throws {
    self.table = table
    values = try FloatBuffer(count: table.valueCount, for: .weights)
    gradients = try FloatBuffer(count: table.gradientCount, for: .weights)
    first = try FloatBuffer(count: table.momentCount, for: .weights)
    second = try FloatBuffer(count: optimizer == .adamW ? table.momentCount : 0, for: .weights)
    average = averages ? try FloatBuffer(uninitialized: table.valueCount, for: .weights) : nil
    for span in table.spans { try copy(Self.source(span, weights), to: values.base + span.offset, count: span.count) }
    average?.base.update(from: values.base, count: table.valueCount)
  }

  /// The address of a tensor's values.
  package func value(_ span: ParameterSpan) -> UnsafeMutablePointer<Float> { values.base + span.offset }

  /// Sets all gradients to 0.
  package func clearGradients() { gradients.base.update(repeating: 0, count: max(16, table.gradientCount)) }

  /// A tensor that shares an arena's memory; the caller changes nothing there as long as it is read.
  ///
  /// - Parameter arena: `values`, or `average`.
  package func tensor(_ span: ParameterSpan, of arena: FloatBuffer) -> Tensor {
    // SAFETY: the span's floats are in the arena, which the tensor keeps; no step runs while tensors are read.
    Tensor(elementType: .float32, shape: span.shape, base: arena.base + span.offset, owner: arena)
  }

  private func copy(_ tensor: Tensor, to destination: UnsafeMutablePointer<Float>, count: Int) throws {
    guard tensor.count == count, tensor.elementType == .float32 else {
      throw CheckpointError.notFloatingPoint(found: tensor.elementType)
    }
    tensor.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      UnsafeMutableRawPointer(destination).copyMemory(from: base, byteCount: 4 * count)
    }
  }

  /// What a tensor holds before the first step.
  private static func source(_ span: ParameterSpan, _ weights: PathwayWeights) throws -> Tensor {
    switch span.owner {
    case .target: return try weights.target.tensor(span.name)
    case .auxiliary(let place, let isBias):
      let pathway = weights.pathways[place.pathway]
      let source = pathway.blocks[place.block] ?? place.block
      guard isBias else { return try pathway.auxiliary.weight(source, place.layer) }
      guard let bias = pathway.auxiliary.bias(source, place.layer) else {
        throw PathwayError.missingAuxiliary(tensor: span.name)
      }
      return bias
    case .scale(let place):
      let scale = weights.pathways[place.pathway].scales[place.layer.name(inBlock: place.block)]
      return Tensor([scale ?? 0], shape: [])
    }
  }
}
