import Foundation
import PathwayCheckpoints
import TestSupport
import Testing

/// Files in memory are read as those on disk.
@Suite struct MemoryTests {
  @Test(arguments: ["pytorch/timm.pth", "pytorch/views.pt", "pytorch/arrays_5.pth", "pytorch/variants.safetensors"])
  func sameTensorsAsFromDisk(_ name: String) throws {
    let url = Fixture.url(name)
    let disk = try Checkpoint(contentsOf: url)
    // The bytes go away before the tensors are read: they are views of a copy.
    let memory = try Checkpoint(data: Data(contentsOf: url), name: name)
    #expect(memory.metadata == disk.metadata)
    #expect(memory.tensors.keys.sorted() == disk.tensors.keys.sorted())
    for (name, tensor) in disk.tensors {
      let other = try #require(memory.tensors[name])
      #expect(other.elementType == tensor.elementType && other.shape == tensor.shape)
      // Giving back a mapping's pages must leave memory alone.
      other.releasePages()
      #expect(other.withUnsafeBytes { Array($0) } == tensor.withUnsafeBytes { Array($0) }, "\(name)")
    }
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
