import Foundation

/// A zip archive of stored entries, as `torch.save` writes it.
struct StoredArchive {
  var entries: [(name: [UInt8], content: [UInt8])] = []

  /// A checkpoint of a `data.pkl` and two storages of 64 bytes, `data/0` and `data/1`, without checksums, as PyTorch
  /// can write it.
  static func checkpoint(pickle: UnsafeRawBufferPointer) -> [UInt8] {
    StoredArchive(
      entries: [(Array("archive/data.pkl".utf8), Array(pickle))] + storages
    ).bytes(hasChecksums: false)
  }

  private static let storages = [("archive/data/0", 64), ("archive/data/1", 64)].map { name, count in
    (name: Array(name.utf8), content: (0..<count).map { UInt8($0) })
  }

  /// The entries whose local headers follow each other from the first byte on.
  init(reading bytes: [UInt8]) {
    func number(_ place: Int, _ count: Int) -> Int {
      bytes[place..<place + count].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    var place = 0
    while place + 30 <= bytes.count, number(place, 4) == Self.localMark, entries.count < 1 << 10 {
      let name = place + 30..<place + 30 + number(place + 26, 2)
      let start = name.upperBound + number(place + 28, 2)
      let end = start + number(place + 22, 4)
      guard end <= bytes.count else { return }
      entries.append((Array(bytes[name]), Array(bytes[start..<end])))
      place = end
    }
  }

  init(entries: [(name: [UInt8], content: [UInt8])]) { self.entries = entries }

  private static let localMark = 0x0403_4B50

  /// The archive as a file.
  func bytes(hasChecksums: Bool = true) -> [UInt8] {
    var file: [UInt8] = []
    var directory: [UInt8] = []
    for (name, content) in entries {
      let offset = file.count
      let checksum = hasChecksums ? Int(Checksum.zip.of(content)) : 0
      // Version, flags, method and time are 0: stored.
      var common = [UInt8](repeating: 0, count: 10)
      for (value, size) in [(checksum, 4), (content.count, 4), (content.count, 4), (name.count, 2), (0, 2)] {
        common.append(value, size)
      }
      file.append(Self.localMark, 4)
      file += common + name + content
      directory.append(0x0201_4B50, 4)
      directory.append(0, 2)
      directory += common
      directory.append(0, 10)
      directory.append(offset, 4)
      directory += name
    }
    let start = file.count
    file += directory
    let end = [
      (0x0605_4B50, 4), (0, 4), (entries.count, 2), (entries.count, 2), (directory.count, 4), (start, 4), (0, 2),
    ]
    for (value, size) in end { file.append(value, size) }
    return file
  }
}

extension [UInt8] {
  /// Appends a number in `size` bytes, little-endian.
  fileprivate mutating func append(_ value: Int, _ size: Int) {
    for index in 0..<size { append(index < 8 ? UInt8(truncatingIfNeeded: value >> (8 * index)) : 0) }
  }
}
