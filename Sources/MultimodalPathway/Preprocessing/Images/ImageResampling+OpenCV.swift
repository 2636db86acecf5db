/// OpenCV's bilinear resizing of 8-bit pictures (`modules/imgproc/src/resize.cpp`, versions 3 to 5), equal in every
/// byte: positions in float32, weights in 11-bit fixed point, and between the passes the four low bits dropped.
extension PixelImage {
  /// What a target row or column takes of two neighbours in the source.
  private struct OpenCVTap {
    let first: Int
    let second: Int
    let firstWeight: Int32
    let secondWeight: Int32

    static let one: Float = 2048

    /// - Parameter clampsWeights: columns beyond the border are the border's alone; rows keep two weights, whose
    ///   products are rounded apart.
    static func all(source: Int, target: Int, range: Range<Int>, clampsWeights: Bool) -> [OpenCVTap] {
      let scale = 1 / (Double(target) / Double(source))
      return range.map { index in
        let position = Float((Double(index) + 0.5) * scale - 0.5)
        let floor = position.rounded(.down)
        var (place, share) = (Int(floor), position - floor)
        if clampsWeights, place < 0 || place >= source - 1 {
          (place, share) = (min(max(place, 0), source - 1), 0)
        }
        return OpenCVTap(
          first: min(max(place, 0), source - 1), second: min(max(place + 1, 0), source - 1),
          firstWeight: Int32(((1 - share) * one).rounded(.toNearestOrEven)),
          secondWeight: Int32((share * one).rounded(.toNearestOrEven)))
      }
    }
  }

  /// The part of the resized picture in those rows and columns.
  func openCVBilinear(to target: Extent, rows: Range<Int>, columns: Range<Int>) -> PixelImage {
    if height == 2 * target.height, width == 2 * target.width { return halved(rows: rows, columns: columns) }
    let across = OpenCVTap.all(source: width, target: target.width, range: columns, clampsWeights: true)
    let down = OpenCVTap.all(source: height, target: target.height, range: rows, clampsWeights: false)
    let count = 3 * columns.count
    let samples = [UInt8](unsafeUninitializedCapacity: count * rows.count) { output, filled in
      // Neighbouring target rows share source rows: the last two are kept.
      var cache = [
        (row: -1, sums: [Int32](repeating: 0, count: count)), (row: -1, sums: [Int32](repeating: 0, count: count)),
      ]
      func slot(_ row: Int, keeping other: Int) -> Int {
        if let found = cache.firstIndex(where: { $0.row == row }) { return found }
        let free = cache[0].row == other ? 1 : 0
        cache[free].row = row
        blend(row, across, into: &cache[free].sums)
        return free
      }
      for (index, tap) in down.enumerated() {
        let first = slot(tap.first, keeping: tap.second)
        let second = slot(tap.second, keeping: tap.first)
        cache[first].sums.withUnsafeBufferPointer { upper in
          cache[second].sums.withUnsafeBufferPointer { lower in
            for x in 0..<count {
              let sum = (tap.firstWeight &* upper[x]) >> 16 &+ (tap.secondWeight &* lower[x]) >> 16
              output[index &* count &+ x] = UInt8(truncatingIfNeeded: (sum &+ 2) >> 2)
            }
          }
        }
      }
      filled = count * rows.count
    }
    return PixelImage(trusted: Extent(height: rows.count, width: columns.count), rgb: samples)
  }

  /// One source row at the target's columns, in units of 1/128.
  private func blend(_ row: Int, _ taps: [OpenCVTap], into sums: inout [Int32]) {
    let start = 3 * width * row
    rgb.withUnsafeBufferPointer { source in
      for (x, tap) in taps.enumerated() {
        for channel in 0..<3 {
          let sum =
            tap.firstWeight &* Int32(source[start &+ 3 &* tap.first &+ channel])
            &+ tap.secondWeight &* Int32(source[start &+ 3 &* tap.second &+ channel])
          sums[3 &* x &+ channel] = sum >> 4
        }
      }
    }
  }

  /// Where both sides halve, OpenCV takes the mean of four samples.
  private func halved(rows: Range<Int>, columns: Range<Int>) -> PixelImage {
    var samples: [UInt8] = []
    samples.reserveCapacity(3 * rows.count * columns.count)
    for y in rows {
      for x in columns {
        for channel in 0..<3 {
          let corner = 3 * (2 * y * width + 2 * x) + channel
          let sum = [0, 3, 3 * width, 3 * width + 3].reduce(2) { $0 + Int(rgb[corner + $1]) }
          samples.append(UInt8(sum >> 2))
        }
      }
    }
    return PixelImage(trusted: Extent(height: rows.count, width: columns.count), rgb: samples)
  }
}
