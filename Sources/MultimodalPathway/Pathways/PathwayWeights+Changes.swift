extension PathwayWeights {
  /// The same with one scale for all layers that an auxiliary joins.
  ///
  /// - Parameter auxiliary: its number, from 0, in the order of attaching.
  /// - Throws: `PathwayError.noSuchAuxiliary`, `.scaleNotFinite`.
  public func scaled(_ scale: Float, auxiliary: Int = 0) throws -> PathwayWeights {
    let layers = try pathway(auxiliary).scales
    return try scaled(layers.mapValues { _ in scale }, auxiliary: auxiliary)
  }

  /// The same with other scales for some of the layers that an auxiliary joins.
  ///
  /// - Parameters:
  ///   - scales: lambda by layer, `blocks.0.attn.qkv`, or by kind of layer, `attn.qkv`. Other layers keep theirs.
  ///   - auxiliary: its number, from 0, in the order of attaching.
  /// - Throws: `PathwayError.noSuchAuxiliary`, `.scaleNotFinite`, `.notJoined`, `.notALayer`.
  public func scaled(_ scales: [String: Float], auxiliary: Int = 0) throws -> PathwayWeights {
    let old = try pathway(auxiliary)
    var pathways = pathways
    pathways[auxiliary] = Pathway(
      auxiliary: old.auxiliary, blocks: old.blocks, layers: old.layers, bias: old.bias,
      scales: try Self.overruling(old.scales, with: scales))
    return PathwayWeights(target: target, pathways: pathways, warnings: warnings)
  }

  /// The same without one auxiliary; those after it move down by one.
  ///
  /// - Parameter auxiliary: its number, from 0, in the order of attaching.
  /// - Throws: `PathwayError.noSuchAuxiliary`.
  public func detached(_ auxiliary: Int = 0) throws -> PathwayWeights {
    _ = try pathway(auxiliary)
    var pathways = pathways
    pathways.remove(at: auxiliary)
    let own = PathwayWeights(target)
    return PathwayWeights(
      target: target, pathways: pathways,
      warnings: own.warnings + pathways.flatMap { own.meaningWarnings($0.auxiliary) })
  }

  private func pathway(_ auxiliary: Int) throws -> Pathway {
    guard pathways.indices.contains(auxiliary) else {
      throw PathwayError.noSuchAuxiliary(found: auxiliary, count: pathways.count)
    }
    return pathways[auxiliary]
  }
}
