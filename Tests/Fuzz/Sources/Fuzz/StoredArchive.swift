import Foundation

/// A zip archive of stored entries, as `torch.save` writes it, around a fuzzed pickle.
enum StoredArchive {
  /// A checkpoint whose `data.pkl` is `pickle` and which has two storages of 64 bytes, `data/0` and `data/1`.
  static func checkpoint(pickle: Data) -> Data {
    let storage = Data((0..<64).map { UInt8($0) })
    return archive([
      ("archive/data.pkl", pickle), ("archive/data/0", storage), ("archive/data/1", storage),
      ("archive/version", Data("3\n".utf8)),
    ])
  }

  private static func archive(_ entries: [(name: String, content: Data)]) -> Data {
    var file = Data()
    var directory = Data()
    for (name, content) in entries {
      let offset = UInt32(file.count)
      let crc = Checksum.zip.of(content)
      // Version 0, no flags, stored, time 0.
      let common = number(UInt64(0), 8) + number(crc, 4) + number(content.count, 4) + number(content.count, 4)
        + number(name.utf8.count, 2) + number(0, 2)
      file += number(0x0403_4B50, 4) + number(0, 2) + common + Data(name.utf8) + content
      directory += number(0x0201_4B50, 4) + number(0, 4) + common + number(0, 10) + number(offset, 4) + Data(name.utf8)
    }
    let start = file.count
    file += directory
    file += number(0x0605_4B50, 4) + number(0, 4) + number(entries.count, 2) + number(entries.count, 2)
      + number(directory.count, 4) + number(start, 4) + number(0, 2)
    return file
  }

  /// `value` in `bytes` bytes, little-endian.
  private static func number(_ value: some BinaryInteger, _ bytes: Int) -> Data {
    Data((0..<bytes).map { $0 < 8 ? UInt8(truncatingIfNeeded: UInt64(truncatingIfNeeded: value) >> (8 * UInt64($0))) : 0 })
  }
}
