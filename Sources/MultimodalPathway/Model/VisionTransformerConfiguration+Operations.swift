extension VisionTransformerConfiguration {
  /// Floating-point operations of one input's forward pass: two for every multiply-add of its matrix products.
  /// Norms, softmax and GELU, 1 % of the whole, are not counted.
  public var operationCount: Double {
    let c = Double(width)
    if let points {
      return 2 * (points.tokenizerProducts(self) + Double(depth) * blockProducts + points.headProducts(self))
    }
    let patches = Double(patchCount) * Double(patchValues) * c
    let pooler = Double(poolerWidth ?? 0) * c
    return 2 * (patches + Double(depth) * blockProducts + pooler + Double(headInputWidth) * Double(classCount))
  }

  /// Multiply-adds of one block.
  private var blockProducts: Double {
    let (n, c, m) = (Double(tokenCount), Double(width), Double(hiddenWidth))
    let linear = n * c * (4 * c + 2 * m)
    let attention = 2 * n * n * c
    return linear + attention
  }
}

extension PointConfiguration {
  /// Multiply-adds of layers on `rows` rows, each reading the one before.
  private static func layers(_ rows: Int, _ widths: [Int]) -> Double {
    zip(widths, widths.dropFirst()).reduce(0) { $0 + Double(rows) * Double($1.0) * Double($1.1) }
  }

  /// Multiply-adds that make a cloud's tokens and positions.
  func tokenizerProducts(_ c: VisionTransformerConfiguration) -> Double {
    let e = encoderWidths
    return Self.layers(groups * groupSize, [3] + e + [c.width]) + Self.layers(groups, [e[1], e[2]])
      + Self.layers(groups, [3, positionWidth, c.width])
  }

  /// Multiply-adds of a cloud's head, as they are computed.
  func headProducts(_ c: VisionTransformerConfiguration) -> Double {
    if c.classCount == 0 { return 0 }
    guard c.task == .perPoint else { return Self.layers(1, [c.pooledWidth] + headWidths + [c.classCount]) }
    let (features, propagated) = (featureBlocks.count * c.width, propagation(width: c.width))
    return Self.layers(groups, [features, propagated[0]]) + Self.layers(1, [2 * features, pointWidths[0]])
      + Self.layers(points, [3] + propagated + pointWidths + [c.classCount])
  }
}
