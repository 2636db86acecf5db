import Foundation
import PathwayCheckpoints
import TestSupport
import Testing

/// CRC-32 of the entries of a zip archive.
@Suite struct ChecksumTests {
  /// Bit by bit, as APPNOTE.TXT defines it.
  private func checksum(_ bytes: [UInt8]) -> UInt32 {
    let table: [UInt32] = (0..<256).map { index in
      var value = UInt32(index)
      for _ in 0..<8 { value = value & 1 == 1 ? (value >> 1) ^ 0xEDB8_8320 : value >> 1 }
      return value
    }
    var sum = UInt32.max
    for byte in bytes { sum = (sum >> 8) ^ table[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] }
    return ~sum
  }

  private func damaged(_ file: [UInt8], at place: Int) -> [UInt8] {
    var file = file
    file[place] ^= 1
    return file
  }

  @Test func damageIsFoundWhereItMatters() throws {
    let saved = [UInt8](try Data(contentsOf: Fixture.url("pytorch/training.pth")))
    #expect(throws: Never.self) { try withFile(saved, name: "m.pth") { try Checkpoint(contentsOf: $0) } }
    // Storages begin at multiples of 64 after their names.
    func content(_ entry: String) throws -> Int {
      let name = try #require(saved.firstRange(of: Array("training/\(entry)".utf8)))
      return (name.upperBound + 63) / 64 * 64
    }
    try expectError(damaged(saved, at: content("data/0")), "the bytes of 'training/data/0'", name: "m.pth")
    try expectError(damaged(saved, at: content("data.pkl") + 40), "the bytes of 'training/data.pkl'", name: "m.pth")
    try expectError(damaged(saved, at: content("byteorder")), "the bytes of 'training/byteorder'", name: "m.pth")
    // The state of the optimizer is not used, and not read.
    let model = try withFile(damaged(saved, at: content("data/5")), name: "m.pth") { try Checkpoint(contentsOf: $0) }
    #expect(model.tensors.count == 4)
  }

  @Test func archivesWithoutChecksumsAreRead() throws {
    let url = Fixture.url("pytorch/no_checksums.pth")
    #expect(try Checkpoint(contentsOf: url).tensors["a"]?.float32() == [1, 2, 3, 4, 5])
  }

  /// Entries of several pieces, which threads verify, and the order of errors.
  @Test func largeEntries() throws {
    let count = 3 << 20 + 7
    var random = SeededGenerator(seed: 4)
    let numbers = random.floats(count).withUnsafeBytes { Array($0) }
    let tensor = Pickles.tensor(count: count, shape: [count], strides: [1])
    var archive = PyTorchArchive(pickle: Pickles.dictionary(tensor), storages: [numbers])
    let sums = Dictionary(uniqueKeysWithValues: archive.entries.map { ($0.name, checksum($0.content)) })
    archive.changeEntry = { name, entry in
      entry.replaceSubrange(16..<20, with: withUnsafeBytes(of: sums[name, default: 0].littleEndian, Array.init))
    }
    let bytes = archive.bytes
    try withFile(bytes, name: "m.pth") { url in
      let found = try Checkpoint(contentsOf: url).tensors["a"]?.withUnsafeBytes { Array($0) }
      #expect(found == numbers)
    }
    for place in [1000, 1 << 22, 5 << 20, bytes.count - 400] {
      try expectError(damaged(bytes, at: place), "the bytes of 'archive/data/0'", name: "m.pth")
    }
  }
}
