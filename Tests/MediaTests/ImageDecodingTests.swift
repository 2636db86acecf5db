import Foundation
import MultimodalPathway
import PathwayCheckpoints
import PathwayMedia
import TestSupport
import Testing

/// Every kind of file in decoding.safetensors against Pillow's pixels, byte by byte.
@Suite struct ImageDecodingTests {
  static let goldens = Result { try Checkpoint(contentsOf: Fixture.url("images/decoding.safetensors")).tensors }

  static let kinds: [String] = ((try? goldens.get().keys.filter { $0.hasSuffix(".file") }) ?? [])
    .map { String($0.dropLast(".file".count)) }.sorted()

  static func file(_ kind: String) throws -> Data {
    try #require(try goldens.get()["\(kind).file"]).withUnsafeBytes { Data($0) }
  }

  @Test func thereAreGoldens() {
    #expect(Self.kinds.count == 99)
  }

  @Test(arguments: kinds)
  func decodesAsPillow(_ kind: String) throws {
    let golden = try #require(try Self.goldens.get()["\(kind).rgb"])
    let image = try ImageFile.decode(Self.file(kind), name: kind)
    #expect([image.height, image.width, 3] == golden.shape)
    #expect(image.rgb == golden.withUnsafeBytes { Array($0) })
  }

  @Test func readsFiles() throws {
    let cat = try ImageFile.read(Fixture.url("images/cat.jpg"))
    #expect(cat.extent == Extent(height: 200, width: 300))
    // Stored on its side.
    let rocket = try ImageFile.read(Fixture.url("images/rocket.jpg"))
    #expect(rocket.width > rocket.height)
    #expect(try ImageFile.read(Fixture.url("images/astronaut.png")).extent == Extent(square: 96))
  }

  @Test func namesDoNotMatter() throws {
    let named = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).png")
    defer { try? FileManager.default.removeItem(at: named) }
    try FileManager.default.copyItem(at: Fixture.url("images/coffee.jpg"), to: named)
    #expect(try ImageFile.read(named) == ImageFile.read(Fixture.url("images/coffee.jpg")))
  }

  @Test func severalThreadsDecodeInParallel() async throws {
    let data = try Data(contentsOf: Fixture.url("images/coffee.jpg"))
    let expected = try ImageFile.decode(data, name: "coffee")
    try await withThrowingTaskGroup(of: PixelImage.self) { group in
      for _ in 0..<8 { group.addTask { try ImageFile.decode(data, name: "coffee") } }
      for try await image in group { #expect(image == expected) }
    }
  }
}
