// What training adds to an epilogue: outputs for the backward pass, drop path, and the slope of GELU in a product's
// gradient. Products of inference ask one question a tile.

extension Epilogue {
  /// Whether there is anything of what this file adds.
  @inlinable @inline(__always)
  var isOfTraining: Bool { kept != nil || factors != nil || slopeOf != nil }
}

@usableFromInline
enum BiasTraining: EpilogueParts {
  @inlinable @inline(__always)
  static var isOfTraining: Bool { true }
}

@usableFromInline
enum BiasNarrowTraining: EpilogueParts {
  @inlinable @inline(__always)
  static var storesBFloat16: Bool { true }
  @inlinable @inline(__always)
  static var isOfTraining: Bool { true }
}

@usableFromInline
enum BiasGELUTraining: EpilogueParts {
  @inlinable @inline(__always)
  static var appliesGELU: Bool { true }
  @inlinable @inline(__always)
  static var isOfTraining: Bool { true }
}

@usableFromInline
enum BiasGELUNarrowTraining: EpilogueParts {
  @inlinable @inline(__always)
  static var appliesGELU: Bool { true }
  @inlinable @inline(__always)
  static var storesBFloat16: Bool { true }
  @inlinable @inline(__always)
  static var isOfTraining: Bool { true }
}

@usableFromInline
enum BiasResidualTraining: EpilogueParts {
  @inlinable @inline(__always)
  static var addsResidual: Bool { true }
  @inlinable @inline(__always)
  static var isOfTraining: Bool { true }
}

/// `applyEpilogue` with what training adds, of the first `valid` columns of a panel.
@inlinable @inline(__always)
func finishTraining<F: TileFormat>(_: F.Type, _ g: GEMMArguments, _ tile: EpilogueTile, _ valid: Int) {
  let e = g.epilogue
  let isPlain = e.addend == nil && e.scale == 1 && !e.appliesReLU && (e.residual != nil || e.gamma == nil)
  // Layers are trained in float32 or in bfloat16, and each stores its own format or float32.
  let isOfFormat = !F.isInteger && (F.perWord == 2 || !e.storesBFloat16)
  if !isOfFormat || !isPlain || valid < F.I.panelColumns
    || (e.residual != nil && (e.appliesGELU || e.storesBFloat16))
  {
    return finishPart(F.self, g, tile, valid)
  }
  if e.residual != nil { return finish(F.self, BiasResidualTraining.self, g, tile) }
  if F.perWord == 2 && e.storesBFloat16 {
    if e.appliesGELU { return finish(F.self, BiasGELUNarrowTraining.self, g, tile) }
    return finish(F.self, BiasNarrowTraining.self, g, tile)
  }
  if e.appliesGELU { return finish(F.self, BiasGELUTraining.self, g, tile) }
  finish(F.self, BiasTraining.self, g, tile)
}

/// Stores `count` sums of a row, from the column `at` on, where they are kept.
@inlinable @inline(__always)
func keep<I: ISA>(_: I.Type, _ e: Epilogue, _ s: I.Vector, _ row: Int, _ at: Int, _ count: Int) {
  guard let kept = e.kept else { return }
  storePart(Float32Format<I>.self, s, kept + row * e.keptStride, at, count)
}

/// s gelu'(x) of `count` columns of a row, from the column `at` on; s where no slope is asked for.
@inlinable @inline(__always)
func slope<I: ISA>(_: I.Type, _ e: Epilogue, _ s: I.Vector, _ row: Int, _ at: Int, _ count: Int) -> I.Vector {
  guard let x = e.slopeOf else { return s }
  // y = gelu(x)
  return s * I.geluSlope(loadLanes(I.self, x + row * e.slopeStride + at, count))
}

/// What a row's branch is multiplied by.
@inlinable @inline(__always)
func factor<I: ISA>(_: I.Type, _ e: Epilogue, _ row: Int) -> I.Vector {
  guard let factors = e.factors else { return I.splat(1) }
  return I.splat(factors[row / e.rowsPerFactor])
}
