import Foundation
import PathwayCheckpoints
import TestSupport
import Testing

/// Files in memory are read like files on disk.
@Suite struct MemoryTests {
  @Test(arguments: ["pytorch/timm.pth", "pytorch/views.pt", "pytorch/arrays_5.pth", "pytorch/variants.safetensors"])
  func sameTensorsAsFromDisk(_ name: String) throws {
    let url = Fixture.url(name)
    let disk = try Checkpoint(contentsOf: url)
    // The bytes are freed before the tensors are read, which are views of a copy.
    let memory = try Checkpoint(data: Data(contentsOf: url), name: name)
    #expect(memory.metadata == disk.metadata)
    #expect(memory.tensors.keys.sorted() == disk.tensors.keys.sorted())
    for (name, tensor) in disk.tensors {
      let other = try #require(memory.tensors[name])
      #expect(other.elementType == tensor.elementType && other.shape == tensor.shape)
      // Releasing pages has no effect on tensors in memory.
      other.releasePages()
      #expect(other.withUnsafeBytes { Array($0) } == tensor.withUnsafeBytes { Array($0) }, "\(name)")
    }
  }

  /// A number of 64 bits at an odd address, which no other function reads.
  @Test func bytesAreLoadedAtAnyAddress() throws {
    let header = #"{"a":{"dtype":"I64","shape":[2],"data_offsets":[0,16]}}"#
    let numbers = [-5, 1 << 40].flatMap { number in withUnsafeBytes(of: Int64(number).littleEndian) { Array($0) } }
    let checkpoint = try Checkpoint(data: Data(file(header, data: 0) + numbers), name: "a")
    let tensor = try #require(checkpoint.tensors["a"])
    #expect((8 + header.utf8.count) % 8 != 0)
    #expect(tensor.withBytes { $0.byteCount } == 16)
    #expect(tensor.withBytes { $0.unsafeLoadUnaligned(fromByteOffset: 0, as: Int64.self) } == -5)
    #expect(tensor.withBytes { $0.unsafeLoadUnaligned(fromByteOffset: 8, as: Int64.self) } == 1 << 40)
  }

  @Test func errorsNameTheFile() {
    #expect(throws: CheckpointError.tooShort(file: "a", bytes: 0)) { try Checkpoint(data: Data(), name: "a") }
    #expect(throws: CheckpointError.tooShort(file: "a", bytes: 9)) { try Checkpoint(data: Data(count: 9), name: "a") }
  }

  @Test func keyOfWeights() throws {
    let data = try Data(contentsOf: Fixture.url("pytorch/two_models.pth"))
    #expect(throws: CheckpointError.self) { try Checkpoint(data: data, name: "a") }
    let key = try #require(Self.keys(of: data).first)
    #expect(try !Checkpoint(data: data, name: "a", weights: key).tensors.isEmpty)
  }

  private static func keys(of data: Data) -> [String] {
    do {
      _ = try Checkpoint(data: data, name: "a")
    } catch CheckpointError.ambiguousTensors(_, let keys) {
      return keys
    } catch {}
    return []
  }
}
