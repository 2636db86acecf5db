/// The index of key frames in the script data of FLV: two arrays. FFmpeg allocates memory for their declared counts.
enum FLVIndex {
  /// The fault, or nil.
  ///
  /// - Complexity: O(bytes). The arrays are searched for anywhere: after damage FFmpeg resumes at the next tag.
  static func fault(_ bytes: UnsafeRawBufferPointer) -> String? {
    for name in ["times", "filepositions"] {
      // A name, then the marker of a strict array (AMF 0, section 2.12).
      let pattern = Array(name.utf8) + [10]
      var place = 0
      while let found = bytes.firstPlace(of: pattern, from: place) {
        place = found + pattern.count
        guard place + 4 <= bytes.count else { return nil }
        let count = bytes[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
        // Each entry is a marker and a float64.
        guard count <= (bytes.count - place - 4) / 9 else {
          return "its index '\(name)' declares \(count) entries but \(bytes.count - place - 4) bytes follow"
        }
      }
    }
    return nil
  }
}
