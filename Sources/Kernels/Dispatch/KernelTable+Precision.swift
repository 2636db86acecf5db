import PathwayKernelTemplates

extension KernelTable {
  /// Words of scratch that packing rows of `k` needs.
  package func packScratchCount(k: Int) -> Int {
    PathwayKernelTemplates.packScratchCount(k: k, lanes: panelColumns / 2)
  }

  /// Floats of scratch of `integerAttention`.
  package func integerAttentionScratchCount(tokens: Int, headSize: Int) -> Int {
    IntegerAttentionScratch(
      tokens: tokens, headSize: headSize, panelColumns: panelColumns, tileRows: tileRows, perWord: int8.perWord
    ).count
  }

  package func products(_ precision: Precision) -> ProductKernels {
    switch precision {
    case .float32: float32
    case .bfloat16: bfloat16
    case .int8: int8
    }
  }

  /// - Parameter precision: bfloat16, or float32.
  package func activations(_ precision: Precision) -> ActivationKernels {
    precision == .bfloat16 ? bfloat16Activations : float32Activations
  }

  /// - Parameter precision: bfloat16, or float32.
  package func gradients(of precision: Precision) -> GradientKernels {
    precision == .bfloat16 ? bfloat16Gradients : gradients
  }
}
