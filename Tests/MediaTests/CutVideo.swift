import Foundation

/// The expected error of a truncated video file, from the structure of the whole file.
enum CutVideo {
  /// The finding for the first `count` bytes of `whole`, an MP4, AVI, Matroska or WebM file whose outermost part, or
  /// last box, ends with the file. The check does not find a cut between two boxes of MP4.
  static func finding(_ whole: Data, at count: Int) -> String {
    if whole.starts(with: "RIFF".utf8) { return "its first part ends at byte \(whole.count), the file at \(count)" }
    if whole.starts(with: [0x1A, 0x45, 0xDF, 0xA3]) {
      return "its segment ends at byte \(whole.count), the file at \(count)"
    }
    let box = boxes(whole).last { $0.range.lowerBound <= count }
    guard let box, count >= box.range.lowerBound + 8 else {
      return "its last \(count - (box?.range.lowerBound ?? 0)) bytes are only a part of a box header"
    }
    return "its box '\(box.name)' ends at byte \(box.range.upperBound), the file at \(count)"
  }

  /// Outermost boxes of an MP4 file, all with lengths of 4 bytes.
  static func boxes(_ file: Data) -> [(name: String, range: Range<Int>)] {
    var (boxes, start): ([(name: String, range: Range<Int>)], Int) = ([], 0)
    while start + 8 <= file.count {
      let length = file[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
      boxes.append((String(decoding: file[start + 4..<start + 8], as: UTF8.self), start..<start + length))
      start += length
    }
    return boxes
  }
}
