import Foundation
import MultimodalPathway
import PathwayKernels
import PathwayMedia

/// Picture files as the batches that a model reads, decoded by all threads of its engine.
struct PictureBatches {
  let preprocessor: ImagePreprocessor
  let engine: Engine
  /// Most pictures of a batch.
  let size: Int

  /// A file by itself; a directory's JPEG and PNG files, told by their names' endings, sorted by name.
  ///
  /// - Throws: `ToolError` where a directory has none or cannot be listed.
  static func files(_ path: String) throws -> [String] {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue else {
      return [path]
    }
    let endings: Set = ["jpg", "jpeg", "png"]
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw ToolError("\(path): cannot be listed: \(error.localizedDescription)")
    }
    let folder = URL(fileURLWithPath: path)
    let pictures = names.filter { name in
      !name.hasPrefix(".") && endings.contains(URL(fileURLWithPath: name).pathExtension.lowercased())
    }
    guard !pictures.isEmpty else { throw ToolError("\(path): a directory without .jpg, .jpeg or .png files") }
    return pictures.sorted().map { folder.appendingPathComponent($0).relativePath }
  }

  /// Calls `body` with the places in `names` of every batch's pictures and their normalised pixels, (B, 3, H, W).
  ///
  /// - Parameter skip: called with what keeps a picture from being read, which is then left out; it may throw it.
  func forEach(
    _ names: [String], skip: (any Error) throws -> Void = { throw $0 }, _ body: ([Int], Tensor) throws -> Void
  ) throws {
    for start in stride(from: 0, to: names.count, by: size) {
      let results = try read(Array(names[start..<min(names.count, start + size)]))
      var kept: [Int] = []
      var pixels: [Float] = []
      for (place, result) in results.enumerated() {
        do {
          pixels += try result.get()
          kept.append(start + place)
        } catch {
          try skip(error)
        }
      }
      let extent = preprocessor.preprocessing.size
      if !kept.isEmpty {
        try body(kept, Tensor(pixels, shape: [kept.count, 3, extent.height, extent.width]))
      }
    }
  }

  /// Every file's normalised pixels, or why there are none, each read whole by one thread.
  private func read(_ names: [String]) throws -> [Result<[Float], any Error>] {
    var results = [Result<[Float], any Error>](repeating: .success([]), count: names.count)
    try results.withUnsafeMutableBufferPointer { results in
      try engine.run { member in
        member.share(names.count) { index in results[index] = Result { try pixels(names[index]) } }
      }
    }
    return results
  }

  private func pixels(_ name: String) throws -> [Float] {
    let picture = try ImageFile.read(URL(fileURLWithPath: name))
    do {
      return try [Float](unsafeUninitializedCapacity: preprocessor.valueCount) { values, count in
        try preprocessor.write(picture, to: UnsafeMutableBufferPointer(rebasing: values[..<preprocessor.valueCount]))
        count = preprocessor.valueCount
      }
    } catch {
      throw ToolError("\(name): \(error)")
    }
  }
}
