/// A hand-made zip archive, which can be wrong in one place.
struct PyTorchArchive {
  /// Names and contents.
  var entries: [(name: String, content: [UInt8])]
  /// Changes an entry's header, or its directory's entry, before it is written.
  var changeHeader: (String, inout [UInt8]) -> Void = { _, _ in }
  var changeEntry: (String, inout [UInt8]) -> Void = { _, _ in }
  /// Changes the 22 bytes at the end.
  var changeEnd: (inout [UInt8]) -> Void = { _ in }
  /// Writes sizes and places in 64 bits, as PyTorch does for large files.
  var isLarge = false

  /// A checkpoint of that pickle and storages 0, 1, ...
  init(pickle: [UInt8], storages: [[UInt8]] = []) {
    entries = [("archive/data.pkl", pickle)] + storages.enumerated().map { ("archive/data/\($0)", $1) }
  }

  /// The bytes of a file of `torch.save`, as if it was written with `set_crc32_options(False)`.
  static func withoutChecksums(_ file: [UInt8]) -> [UInt8] {
    var file = file
    let signature = Array("PK\u{1}\u{2}".utf8)
    for place in file.indices.dropLast(46) where file[place] == signature[0] && file[place...].starts(with: signature) {
      file.replaceSubrange(place + 16..<place + 20, with: [0, 0, 0, 0])
    }
    return file
  }

  private func little<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian, Array.init)
  }

  var bytes: [UInt8] {
    var file: [UInt8] = []
    var directory: [UInt8] = []
    for (name, content) in entries {
      let size = UInt32(content.count)
      var header = little(UInt32(0x0403_4B50)) + [UInt8](repeating: 0, count: 14) + little(size) + little(size)
      header += little(UInt16(name.utf8.count)) + [0, 0] + Array(name.utf8)
      var extra: [UInt8] = []
      if isLarge {
        // Another field before the zip64 field.
        extra =
          [7, 0, 2, 0, 9, 9, 1, 0, 24, 0] + [content.count, content.count, file.count].flatMap { little(UInt64($0)) }
      }
      var entry = little(UInt32(0x0201_4B50)) + [UInt8](repeating: 0, count: 16)
      for number in [size, size] { entry += little(isLarge ? .max : number) }
      entry += little(UInt16(name.utf8.count)) + little(UInt16(extra.count)) + [UInt8](repeating: 0, count: 10)
      entry += little(isLarge ? .max : UInt32(file.count)) + Array(name.utf8) + extra
      changeHeader(name, &header)
      changeEntry(name, &entry)
      file += header + content
      directory += entry
    }
    let start = file.count
    file += directory
    if isLarge {
      let end = file.count
      file += little(UInt32(0x0606_4B50)) + little(UInt64(44)) + [UInt8](repeating: 0, count: 12)
      for number in [entries.count, entries.count, directory.count, start] { file += little(UInt64(number)) }
      file += little(UInt32(0x0706_4B50)) + little(UInt32(0)) + little(UInt64(end)) + little(UInt32(1))
    }
    let count = little(isLarge ? UInt16.max : UInt16(entries.count))
    var end = little(UInt32(0x0605_4B50)) + little(UInt32(0)) + count + count
    end +=
      little(isLarge ? UInt32.max : UInt32(directory.count)) + little(isLarge ? UInt32.max : UInt32(start)) + [0, 0]
    changeEnd(&end)
    return file + end
  }
}

/// Hand-made pickles.
enum Pickles {
  static func text(_ text: String) -> [UInt8] {
    [0x58] + withUnsafeBytes(of: UInt32(text.utf8.count).littleEndian, Array.init) + Array(text.utf8)
  }

  static func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }

  static func integer(_ number: Int) -> [UInt8] {
    [0x8A, 8] + withUnsafeBytes(of: number.littleEndian, Array.init)
  }

  static func tuple(_ items: [UInt8]...) -> [UInt8] { [0x28] + items.joined() + [0x74] }

  /// A tensor of a storage, as `_rebuild_tensor_v2` describes it.
  static func tensor(
    key: String = "0", type: String = "FloatStorage", count: Int, offset: Int = 0, shape: [Int], strides: [Int]
  ) -> [UInt8] {
    let storage = tuple(text("storage"), global("torch", type), text(key), text("cpu"), integer(count))
    func numbers(_ values: [Int]) -> [UInt8] { [0x28] + values.flatMap(integer) + [0x74] }
    return global("torch._utils", "_rebuild_tensor_v2")
      + tuple(storage + [0x51], integer(offset), numbers(shape), numbers(strides), [0x89], [0x7D]) + [0x52]
  }

  /// A pickle of a dictionary with one entry, `a`.
  static func dictionary(_ value: [UInt8]) -> [UInt8] {
    [0x80, 2, 0x7D] + text("a") + value + [0x73, 0x2E]
  }
}
