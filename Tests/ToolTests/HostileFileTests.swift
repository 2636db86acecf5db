import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Files that declare far more than they have, and configurations with extreme numbers, as input of processes.
@Suite struct HostileFileTests {
  private func big(_ number: Int) -> Data { withUnsafeBytes(of: UInt32(number).bigEndian) { Data($0) } }

  @Test func declaredSizesOfPicturesTakeNoMemory() throws {
    try Tool.withModels { folder in
      let whole = try Data(contentsOf: Fixture.url("images/astronaut.png"))
      let model = folder.appendingPathComponent("target").path
      for name in ["tEXt", "zTXt", "iTXt", "iCCP", "eXIf", "sPLT", "juNk"] {
        // The header, and a chunk of 2 GiB that ends after 96 bytes.
        let file = folder.appendingPathComponent("\(name).png")
        try (whole.prefix(33) + big(0x7FFF_FFFF) + Data(name.utf8) + Data(repeating: 65, count: 96)).write(to: file)
        let found = try Tool.peak(["classify", "--model", model, file.path], in: folder)
        #expect(found.status != 0 && found.errors.contains("truncated"), "\(name): \(found.errors)")
        #expect(found.bytes < 128 << 20, "\(name): \(found.bytes) bytes")
      }
    }
  }

  /// Numbers that make spectrograms NaN or infinite.
  @Test(arguments: ["\"mean\": 3e38, \"std\": 1e-44", "\"mean\": 0, \"std\": 1e-44"])
  func spectrogramsThatAreNotFinite(_ numbers: String) throws {
    try Tool.withFolder { folder in
      let sound = SoundToolTests()
      let model = URL(fileURLWithPath: try sound.makeModel(in: folder)).appendingPathComponent("config.json")
      var object = try #require(
        try JSONSerialization.jsonObject(with: Data(contentsOf: model)) as? [String: Any])
      var extras = try #require(object["m2pt"] as? [String: Any])
      extras["audio"] = try JSONSerialization.jsonObject(with: Data("{\(numbers)}".utf8))
      object["m2pt"] = extras
      try JSONSerialization.data(withJSONObject: object).write(to: model)
      let file = folder.appendingPathComponent("noise.wav")
      try sound.noise(16_000, rate: 16_000, seed: 1).write(to: file)
      let found = try Tool.run([
        "attention", "--model", model.deletingLastPathComponent().path, file.path, "--output",
        folder.appendingPathComponent("map.png").path,
      ])
      #expect(found.status == 1 && found.errors.contains("not finite"), "\(found.status) \(found.errors)")
    }
  }
}
