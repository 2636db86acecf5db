// Images to rows of patches.

/// Patches of one image as GEMM rows, in the order of a convolution's weight (channel, patch row, patch column).
///
/// image: (channels, height, width) contiguous float32; patches `patches` of the row-major grid, each to a row of
/// channels x patchHeight x patchWidth elements of F at `rows`, which are `stride` words apart.
@inlinable @inline(__always)
public func gatherPatches<F: TileFormat>(
  _: F.Type, image: UnsafePointer<Float>, channels: Int, height: Int, width: Int, patchHeight: Int, patchWidth: Int,
  patches: Span1D, rows: UnsafeMutableRawPointer, stride: Int
) {
  let gridWidth = width / patchWidth
  var patch = patches.start
  while patch < patches.end {
    let corner = image + patch / gridWidth * patchHeight * width + patch % gridWidth * patchWidth
    let row = rows + patch * stride * 4
    var element = 0
    var channel = 0
    while channel < channels {
      var y = 0
      while y < patchHeight {
        let source = corner + channel * height * width + y * width
        var x = 0
        while x < patchWidth {
          let count = min(F.I.lanes, patchWidth - x)
          storePart(F.self, loadLanes(F.I.self, source + x, count), row, element + x, count)
          x += F.I.lanes
        }
        element += patchWidth
        y += 1
      }
      channel += 1
    }
    patch += 1
  }
}
