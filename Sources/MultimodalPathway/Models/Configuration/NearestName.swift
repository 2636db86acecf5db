/// The names of least edit distance (Levenshtein) to `name`, nearest first, ties in alphabetical order: hints for
/// errors. Only the first 128 bytes are compared: a file's names can be long.
///
/// - Complexity: O(names x name x 128).
func nearest(to name: String, among names: some Sequence<String>, limit: Int = 3) -> [String] {
  let target = Array(name.utf8.prefix(128))
  func distance(_ other: [UInt8]) -> Int {
    var row = Array(0...other.count)
    for (i, a) in target.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, b) in other.enumerated() {
        let above = row[j + 1]
        row[j + 1] = min(row[j] + 1, above + 1, diagonal + (a == b ? 0 : 1))
        diagonal = above
      }
    }
    return row[other.count]
  }
  return names.map { (distance(Array($0.utf8.prefix(128))), $0) }.sorted { $0 < $1 }.prefix(limit).map(\.1)
}
