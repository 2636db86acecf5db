extension VisionTransformerConfiguration {
  /// Floating-point operations of one input's forward pass: two for every multiply-add of its matrix products.
  /// Norms, softmax and GELU, 1 % of the whole, are not counted.
  public var operationCount: Double {
    let (n, c, m) = (Double(tokenCount), Double(width), Double(hiddenWidth))
    let patches = Double(patchCount) * Double(patchValues) * c
    let linear = n * c * (4 * c + 2 * m)
    let attention = 2 * n * n * c
    return 2 * (patches + Double(depth) * (linear + attention) + c * Double(classCount))
  }
}
