extension StringProtocol {
  /// Whether a character of the text has more than 30 combining marks, the limit of Unicode's stream-safe format (UAX
  /// #15, section 13) and more than any language needs.
  ///
  /// Swift compares and hashes strings by Unicode normalization, which sorts such a run in quadratic time: 64 KiB of
  /// them take 20 s. Readers refuse such a text before it is compared.
  ///
  /// - Complexity: O(bytes).
  package var hasTooManyCombiningMarks: Bool {
    // In UTF-8, all combining marks begin with 0xCC or a larger byte.
    guard utf8.contains(where: { $0 >= 0xCC }) else { return false }
    var run = 0
    for scalar in unicodeScalars {
      run = scalar.properties.canonicalCombiningClass == .notReordered ? 0 : run + 1
      if run > 30 { return true }
    }
    return false
  }

  /// The first `count` Unicode scalars. Unlike `prefix`, short even if one character has thousands of them.
  package func scalars(_ count: Int) -> String {
    var text = ""
    text.unicodeScalars.append(contentsOf: unicodeScalars.prefix(count))
    return text
  }
}
