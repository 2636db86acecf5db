/// The index of key frames in FLV's script data: two arrays whose counts FFmpeg takes memory for, whatever follows.
enum FLVIndex {
  /// What is wrong, in words; nil where nothing is.
  ///
  /// - Complexity: O(bytes). The arrays are looked for anywhere: FFmpeg goes on at the next tag after damage.
  static func fault(_ bytes: UnsafeRawBufferPointer) -> String? {
    for name in ["times", "filepositions"] {
      // The marker of a strict array follows a name (AMF 0, section 2.12).
      let pattern = Array(name.utf8) + [10]
      var place = 0
      while let found = bytes.firstPlace(of: pattern, from: place) {
        place = found + pattern.count
        guard place + 4 <= bytes.count else { return nil }
        let count = bytes[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
        // A marker and a float64 each.
        guard count <= (bytes.count - place - 4) / 9 else {
          return "its index '\(name)' says \(count) entries, and \(bytes.count - place - 4) bytes follow"
        }
      }
    }
    return nil
  }
}
