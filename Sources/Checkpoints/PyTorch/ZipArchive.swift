// The part of the zip format that `torch.save` and `numpy.savez` use (PKWARE's APPNOTE.TXT, sections 4.3 and 4.5.3):
// one disk, stored entries, zip64 for large sizes. Nothing is unpacked: every entry is a range of the file.
//
// An entry of the directory must agree with the header before its bytes. Checksums are verified for the entries that
// are used (`ZipChecksums`).

/// The entries of an archive and their places.
package struct ZipArchive {
  /// The bytes of every entry, by name; no two overlap.
  package let entries: [String: Range<Int>]
  /// Names of entries that are compressed.
  package let compressed: Set<String>
  /// CRC-32 of every entry, by name; empty if all are 0, as PyTorch writes them without checksums
  /// (`torch.serialization.set_crc32_options(False)`).
  package let checksums: [String: UInt32]

  /// The most entries an archive may have.
  static let countLimit = 1 << 20
  /// Bytes of the longest name of an entry.
  static let longestName = 1024

  /// The content of the end record.
  private struct Directory {
    var count: UInt64
    var offset: UInt64
    var size: UInt64
    /// The place of the end record, after the directory.
    var end: Int
  }

  private struct Entry {
    var name: String
    var method: UInt16
    var flags: UInt16
    var checksum: UInt32
    var packed: UInt64
    var size: UInt64
    var header: UInt64
  }

  /// - Throws: `CheckpointError.malformedArchive`, `.duplicateName`.
  /// - Complexity: O(directory).
  package init(_ bytes: UnsafeRawBufferPointer, file: String) throws {
    func malformed(_ reason: String) -> CheckpointError { .malformedArchive(file: file, reason: reason) }
    let directory = try Self.directory(bytes, malformed)
    guard directory.count <= UInt64(Self.countLimit) else {
      throw malformed("its directory declares \(directory.count) entries, the limit is \(Self.countLimit)")
    }
    guard directory.offset <= UInt64(directory.end), directory.size <= UInt64(directory.end) - directory.offset,
      var cursor = ByteCursor(bytes, at: Int(directory.offset))
    else {
      throw malformed("its directory would be at byte \(directory.offset), after its own end")
    }
    guard directory.offset + directory.size == UInt64(directory.end) else {
      throw malformed(
        "\(UInt64(directory.end) - directory.offset - directory.size) bytes are between its directory and its end: the "
          + "file holds several archives, as those of a distributed checkpoint (.distcp) do, or was appended to")
    }
    var entries: [String: Range<Int>] = [:]
    var compressed: Set<String> = []
    var checksums: [String: UInt32] = [:]
    var spans: [(range: Range<Int>, name: String)] = []
    for index in 0..<directory.count {
      guard var entry = Self.entry(&cursor) else { throw malformed("entry \(index) of its directory is incomplete") }
      let name = entry.name
      guard name.utf8.count <= Self.longestName, !name.hasTooManyCombiningMarks else {
        throw malformed(
          "the name of entry \(index) has \(name.utf8.count) bytes, expected text of at most \(Self.longestName)")
      }
      guard entry.flags & 1 == 0 else { throw malformed("'\(name)' is encrypted") }
      if entry.method != 0 {
        compressed.insert(name)
        entry.size = entry.packed
      }
      guard entry.packed == entry.size else {
        throw malformed("'\(name)' is not compressed, but has \(entry.packed) bytes for a size of \(entry.size)")
      }
      guard let (start, data) = Self.place(of: entry, bytes, limit: Int(directory.offset)) else {
        throw malformed("'\(name)' is not where its directory says")
      }
      guard entries.updateValue(data, forKey: name) == nil else {
        throw CheckpointError.duplicateName(file: file, name: name)
      }
      checksums[name] = entry.checksum
      spans.append((start..<data.upperBound, name))
    }
    guard cursor.offset == Int(directory.offset + directory.size) else {
      let found = cursor.offset - Int(directory.offset)
      throw malformed("its directory has \(found) bytes, but declares \(directory.size)")
    }
    spans.sort { $0.range.lowerBound < $1.range.lowerBound }
    for (first, second) in zip(spans, spans.dropFirst()) where first.range.upperBound > second.range.lowerBound {
      throw malformed("'\(first.name)' and '\(second.name)' overlap")
    }
    self.entries = entries
    self.compressed = compressed
    self.checksums = checksums.values.contains { $0 != 0 } ? checksums : [:]
  }

  /// Finds the end record, which only a comment of at most 65,535 bytes may follow.
  private static func directory(
    _ bytes: UnsafeRawBufferPointer, _ malformed: (String) -> CheckpointError
  ) throws -> Directory {
    let size = 22
    var nearest: Int?
    for offset in stride(from: bytes.count - size, through: max(0, bytes.count - size - 0xFFFF), by: -1) {
      guard var cursor = ByteCursor(bytes, at: offset), cursor.number(UInt32.self) == 0x0605_4B50,
        let disk = cursor.number(UInt32.self), let here = cursor.number(UInt16.self),
        let count = cursor.number(UInt16.self), let length = cursor.number(UInt32.self),
        let start = cursor.number(UInt32.self), let comment = cursor.number(UInt16.self).map(Int.init)
      else { continue }
      let following = bytes.count - offset - size - comment
      guard following == 0 else {
        // For sizes of 64 bits there are 76 bytes between the directory and the end record.
        let gap = offset - Int(start) - Int(length)
        if nearest == nil, gap == 0 || gap == 76 || start == .max { nearest = following }
        continue
      }
      if let large = try largeDirectory(bytes, before: offset, malformed) { return large }
      guard disk == 0, here == count else { throw malformed("it is one part of an archive on several disks") }
      return Directory(count: UInt64(count), offset: UInt64(start), size: UInt64(length), end: offset)
    }
    if let nearest {
      throw malformed(
        nearest > 0
          ? "\(nearest) bytes follow its end: something was appended to it; download or copy it again"
          : "its comment ends \(-nearest) bytes after the file: the file is truncated; download or copy it again")
    }
    throw malformed("its directory is missing: the file is truncated; download or copy it again")
  }

  /// The same in 64 bits, if a locator precedes the end record.
  private static func largeDirectory(
    _ bytes: UnsafeRawBufferPointer, before end: Int, _ malformed: (String) -> CheckpointError
  ) throws -> Directory? {
    guard var locator = ByteCursor(bytes, at: end - 20), locator.number(UInt32.self) == 0x0706_4B50 else { return nil }
    guard locator.number(UInt32.self) == 0, let place = locator.number(UInt64.self), place <= UInt64(end),
      var cursor = ByteCursor(bytes, at: Int(place)), cursor.number(UInt32.self) == 0x0606_4B50,
      cursor.take(12) != nil, cursor.number(UInt64.self) == 0, let here = cursor.number(UInt64.self),
      let count = cursor.number(UInt64.self), here == count, let size = cursor.number(UInt64.self),
      let offset = cursor.number(UInt64.self)
    else {
      throw malformed("its zip64 directory is not at its declared place, or on several disks")
    }
    return Directory(count: count, offset: offset, size: size, end: Int(place))
  }

  /// An entry of the directory; nil if it is cut or its name is not marked as UTF-8.
  private static func entry(_ cursor: inout ByteCursor) -> Entry? {
    guard cursor.number(UInt32.self) == 0x0201_4B50, cursor.take(4) != nil, let flags = cursor.number(UInt16.self),
      let method = cursor.number(UInt16.self), cursor.take(4) != nil, let checksum = cursor.number(UInt32.self),
      let packed = cursor.number(UInt32.self), let size = cursor.number(UInt32.self),
      let nameLength = cursor.number(UInt16.self), let extraLength = cursor.number(UInt16.self),
      let commentLength = cursor.number(UInt16.self),
      cursor.take(8) != nil, let header = cursor.number(UInt32.self),
      let name = cursor.take(Int(nameLength)).flatMap({ String(validating: $0, as: UTF8.self) }),
      let extra = cursor.take(Int(extraLength)), cursor.take(Int(commentLength)) != nil
    else { return nil }
    var entry = Entry(
      name: name, method: method, flags: flags, checksum: checksum, packed: UInt64(packed), size: UInt64(size),
      header: UInt64(header))
    let large = [\Entry.size, \.packed, \.header].filter { entry[keyPath: $0] == 0xFFFF_FFFF }
    guard !large.isEmpty else { return entry }
    guard var field = ByteCursor(extra) else { return nil }
    while let tag = field.number(UInt16.self), let length = field.number(UInt16.self),
      let content = field.take(Int(length))
    {
      guard tag == 1, var numbers = ByteCursor(content) else { continue }
      for path in large {
        guard let number = numbers.number(UInt64.self) else { return nil }
        entry[keyPath: path] = number
      }
      return entry
    }
    return nil
  }

  /// The places of an entry's own header and of its bytes; nil if they are not before `limit`, or if the header has
  /// another name.
  private static func place(
    of entry: Entry, _ bytes: UnsafeRawBufferPointer, limit: Int
  ) -> (header: Int, data: Range<Int>)? {
    guard entry.header <= UInt64(limit), var cursor = ByteCursor(bytes, at: Int(entry.header)),
      cursor.number(UInt32.self) == 0x0403_4B50, cursor.take(4) != nil, cursor.number(UInt16.self) == entry.method,
      cursor.take(16) != nil, let nameLength = cursor.number(UInt16.self), let extraLength = cursor.number(UInt16.self),
      let name = cursor.take(Int(nameLength)), name.elementsEqual(entry.name.utf8),
      cursor.take(Int(extraLength)) != nil, cursor.offset <= limit, entry.size <= UInt64(limit - cursor.offset)
    else { return nil }
    return (Int(entry.header), cursor.offset..<cursor.offset + Int(entry.size))
  }
}
