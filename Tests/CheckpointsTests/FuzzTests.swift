import Foundation
import PathwayCheckpoints
import TestSupport
import Testing

/// Damaged files are refused with a typed error, or read as tensors within the file, and never trap.
@Suite struct FuzzTests {
  @Test func damagedFilesAreRefusedOrStayInside() throws {
    var random = SeededGenerator(seed: 12)
    let valid = try withFile([]) { url in
      let tensors = [
        "blocks.0.attn.qkv.weight": Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3]), "scalar": Tensor([7], shape: []),
        "empty": Tensor([], shape: [0, 4]),
        "half\u{1F600}": try Tensor([1, 2, 3], shape: [3]).converted(to: .float16),
      ]
      try Checkpoint(tensors: tensors, metadata: ["format": "pt", "a\"b": "\\"]).write(to: url)
      return [UInt8](try Data(contentsOf: url))
    }
    let tokens = ["{", "}", "[", "]", ",", ":", "\"", "\\u", "-", "0", "9999999999999999999", "1e3", "null", "\u{E9}"]
    var refused = 0
    try withFile(valid) { url in
      for _ in 0..<6000 {
        var bytes = valid
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
          let place = Int.random(in: 0..<bytes.count, using: &random)
          switch Int.random(in: 0..<7, using: &random) {
          case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
          case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
          case 2: bytes.removeSubrange(place...)
          case 3: bytes.remove(at: place)
          case 4: bytes.insert(contentsOf: tokens.randomElement(using: &random)!.utf8, at: place)
          case 5: bytes[min(place % 9, bytes.count - 1)] = UInt8.random(in: 0...255, using: &random)
          default:
            // Replacing a digit by a digit keeps the text valid JSON, so that it reaches the checks of numbers.
            let digits = bytes.indices.filter { $0 > 8 && (0x30...0x39).contains(bytes[$0]) }
            if let digit = digits.randomElement(using: &random) {
              bytes[digit] = UInt8.random(in: 0x30...0x39, using: &random)
            }
          }
        }
        try Data(bytes).write(to: url)
        do {
          let checkpoint = try Checkpoint(contentsOf: url)
          var total = 0
          for tensor in checkpoint.tensors.values {
            total += tensor.withUnsafeBytes { bytes in bytes.indices.filter { bytes[$0] <= UInt8.max }.count }
            if tensor.elementType.isFloatingPoint {
              let values = try tensor.float32()
              #expect(values.count == tensor.count)
            }
          }
          #expect(total <= bytes.count - 10)
        } catch is CheckpointError {
          refused += 1
        }
      }
    }
    // Most damage is in the header. Files with damage only in values, or with another valid header, are read.
    #expect(refused > 3000 && refused < 6000, "\(refused)")
  }

  /// Files of torch.save, damaged anywhere, or only in the pickle, where one byte makes another program.
  ///
  /// Checksums are removed first: with them, no damage would reach the pickle machine.
  @Test(arguments: [
    "training.pth", "views.pt", "named.pth", "protocol_1.pt", "protocol_2.pt", "protocol_4.pt", "protocol_5.pt",
    "arrays_2.pth", "arrays_5.pth", "signs.pth", "detr.pth",
  ])
  func damagedPyTorchFilesAreRefusedOrStayInside(_ name: String) throws {
    var random = SeededGenerator(seed: 14)
    let saved = [UInt8](try Data(contentsOf: Fixture.url("pytorch/\(name)")))
    let valid = PyTorchArchive.withoutChecksums(saved)
    let content = try #require(valid.firstRange(of: Array("/data.pkl".utf8))).upperBound
    let pickle = try #require(valid[content...].firstIndex { $0 == 0x80 || $0 == 0x7D })
    let length = try #require(valid.firstRange(of: Array("/.format_version".utf8))).lowerBound - pickle
    let directory = try #require(valid.firstRange(of: Array("PK\u{1}\u{2}".utf8))).lowerBound
    let opcodes = Array("()}]NKMJXcqhtuRQs\u{62}.012BCFGILSTUVadegijlopr".utf8) + [UInt8](0x80...0x98)
    var refused = 0
    try withFile(valid, name: name) { url in
      for round in 0..<4000 {
        var bytes = valid
        for _ in 0..<Int.random(in: 1...3, using: &random) where bytes.count > directory {
          let range = [0..<bytes.count, pickle..<pickle + length, directory..<bytes.count][round % 3]
          let place = Int.random(in: range, using: &random)
          switch Int.random(in: 0..<6, using: &random) {
          case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
          case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
          case 2: bytes.removeSubrange(place...)
          case 3: bytes[place] = [0, 0x7F, 0xFF].randomElement(using: &random)!
          default: bytes[place] = opcodes.randomElement(using: &random)!
          }
        }
        try Data(bytes).write(to: url)
        do {
          for tensor in try Checkpoint(contentsOf: url).tensors.values {
            let total = tensor.withUnsafeBytes { bytes in bytes.indices.filter { bytes[$0] <= UInt8.max }.count }
            #expect(total == tensor.byteCount && total <= 4 * bytes.count)
          }
        } catch is CheckpointError {
          refused += 1
        }
      }
    }
    #expect(refused > 1200 && refused < 4000, "\(refused)")
  }

  /// Programs of random opcodes: each gives an error or a checkpoint.
  @Test func randomPicklesAreRefusedOrRead() throws {
    var random = SeededGenerator(seed: 15)
    let pieces: [[UInt8]] =
      (Array("()}]NJKMQRX012BCFGILSTUVabdeghijlopqrstu".utf8) + [UInt8](0x80...0x98)).map { [$0] }
      + [
        Pickles.tensor(count: 4, shape: [4], strides: [1]), Pickles.text("model"), Pickles.text("a"), [0x8C, 1, 0x62],
        Pickles.global("collections", "OrderedDict"), Pickles.global("numpy", "dtype"), [0x7D], [0x28], [0x29], [0x5D],
        Pickles.global("numpy.core.multiarray", "_reconstruct"), Pickles.global("torch._utils", "_rebuild_parameter"),
        Pickles.global("numpy.core.numeric", "_frombuffer"), Pickles.global("_codecs", "encode"),
        Pickles.global("torch._tensor", "_rebuild_from_type_v2"), Pickles.global("copyreg", "_reconstructor"),
        [0x94], [0x68, 0], [0x68, 1], [0x71, 0], [0x71, 1], [0x52], [0x62], [0x73], [0x75], [0x85], [0x86], [0x87],
      ]
    var (refused, read) = (0, 0)
    try withFile([], name: "model.pth") { url in
      for _ in 0..<4000 {
        var pickle: [UInt8] = [0x80, 4, 0x7D]
        for _ in 0..<Int.random(in: 1...6, using: &random) { pickle += pieces.randomElement(using: &random)! }
        let end = Pickles.text("t") + Pickles.tensor(count: 4, shape: [4], strides: [1]) + [0x73, 0x2E]
        let archive = PyTorchArchive(pickle: pickle + end, storages: [[UInt8](repeating: 0, count: 16)])
        try Data(archive.bytes).write(to: url)
        do {
          for tensor in try Checkpoint(contentsOf: url).tensors.values {
            #expect(tensor.withUnsafeBytes { $0.allSatisfy { $0 <= UInt8.max } })
          }
          read += 1
        } catch is CheckpointError {
          refused += 1
        }
      }
    }
    #expect(refused > 2000 && read > 20, "\(refused) refused, \(read) read")
  }

  @Test func damagedIndexesAreRefusedOrTrue() throws {
    var random = SeededGenerator(seed: 13)
    let name = "model.safetensors.index.json"
    let valid = Array(#"{"metadata":{"total_size":4},"weight_map":{"a":"one.safetensors"}}"#.utf8)
    try withFile(valid, name: name) { url in
      let shard = url.deletingLastPathComponent().appendingPathComponent("one.safetensors")
      try Checkpoint(tensors: ["a": Tensor([1], shape: [1])]).write(to: shard)
      for _ in 0..<2000 {
        var bytes = valid
        for _ in 0..<Int.random(in: 1...3, using: &random) {
          bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0x20...0x7E, using: &random)
        }
        try Data(bytes).write(to: url)
        do {
          let found1 = try Checkpoint(contentsOf: url).tensors.keys.sorted()
          #expect(found1 == ["a"])
        } catch is CheckpointError {}
      }
    }
  }
}
