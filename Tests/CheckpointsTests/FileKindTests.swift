import Testing

/// Errors for other kinds of files name the kind and say how to get a usable file.
@Suite struct FileKindTests {
  private static let filler = [UInt8](repeating: 0x61, count: 300)

  @Test(arguments: [
    ([0x50, 0x4B, 3, 4], "zip archive", "truncated"), ([0x50, 0x4B, 5, 6], "empty zip", "download"),
    ([0x80, 2, 0x8A, 0x0A], "pickle", "weights_only"), ([0x80, 3], "pickle", "torch.save("),
    ([0x80, 4, 0x95], "pickle", "torch.save("), ([0x80, 5, 0x95], "pickle", "torch.save("),
    (Array("(dp0\n".utf8), "pickle", "torch.save("), (Array("ccollections\nOrderedDict".utf8), "pickle", "torch.save("),
    ([0x89, 0x48, 0x44, 0x46, 13, 10, 26, 10], "HDF5", "safetensors version"),
    (Array("GGUF".utf8) + [3, 0, 0, 0], "GGUF", "made from"),
    ([8, 7, 0x12, 7] + Array("pytorch".utf8), "ONNX", "exported from"), ([8, 3, 0x3A], "ONNX", "exported from"),
    ([0x93] + Array("NUMPY".utf8), "NumPy", "safetensors.numpy"), ([0x1F, 0x8B, 8], "gzip", "unpack"),
    (Array("xxxxTFL3".utf8), "TensorFlow Lite", "converted from"),
    (Array("version https://git-lfs.github.com/spec/v1\noid sha256:".utf8), "Git LFS pointer", "git lfs pull"),
    (Array("<!DOCTYPE html>".utf8), "HTML", "download"), (Array(" \r\n\t<!doctype HTML>".utf8), "HTML", "token"),
    ([0xEF, 0xBB, 0xBF] + Array("<html lang=en>".utf8), "HTML", "download"),
    (Array("<?xml version='1.0'?><Error>".utf8), "XML", "download"),
    (Array("{\"error\": \"Access to model is restricted\"}".utf8), "JSON", "token"),
    (Array("\n[{\"message\": \"rate limit\"}]".utf8), "JSON", "download"),
    (Array("{\"metadata\": {}, \"weight_map\": {}}".utf8), "shard index", "index.json"),
  ])
  func otherKinds(_ head: [UInt8], found: String, advice: String) throws {
    try expectError(head + Self.filler, found)
    try expectError(head + Self.filler, advice)
    // Recognized also if the file ends after its magic bytes.
    if head.count >= 4 { try expectError(head, "model.safetensors") }
  }

  @Test func tarArchive() throws {
    var bytes = Self.filler
    bytes.replaceSubrange(257..<262, with: Array("ustar".utf8))
    try expectError(bytes, "tar archive")
  }
}
