/// The chunks before the frames of an AVI file (a RIFF file), compared with the file: FFmpeg allocates the declared
/// size of a chunk, and fills it with zeros, before it reads the chunk.
enum AVIHeader {
  /// The fault, or nil.
  ///
  /// - Complexity: O(chunks before the frames).
  static func fault(_ bytes: UnsafeRawBufferPointer) -> String? {
    var place = 12
    while place + 8 <= bytes.count {
      let name = bytes[place..<place + 4]
      if name.elementsEqual("LIST".utf8), place + 12 <= bytes.count {
        if bytes[place + 8..<place + 12].elementsEqual("movi".utf8) { return nil }
        place += 12
        continue
      }
      let size = bytes[place + 4..<place + 8].reversed().reduce(0) { $0 << 8 | Int($1) }
      guard size <= bytes.count - place - 8 else {
        let text = String(decoding: name, as: UTF8.self).onOneLine()
        return "its chunk '\(text)' declares \(size) bytes but \(bytes.count - place - 8) follow"
      }
      place += 8 + size + size % 2
    }
    return nil
  }
}
