extension FuzzTarget {
  /// Changes bytes as a file of this target's format: its parts, with lengths and checksums made true.
  ///
  /// - Parameter change: libFuzzer's own mutation of a part.
  func mutate(
    _ bytes: inout [UInt8], limit: Int, random: inout SplitMix,
    change: (ArraySlice<UInt8>, _ limit: Int) -> [UInt8]
  ) {
    if self == .model, random.next() % 4 != 0, let end = bytes.firstIndex(of: 0) {
      // Configuration or weights.
      let start = Array(bytes[...end])
      var weights = Array(bytes[(end + 1)...])
      guard random.next() % 2 == 0 else {
        bytes = change(bytes[..<end], max(0, limit - weights.count - 1)).filter { $0 != 0 } + [0] + weights
        return
      }
      FuzzTarget.safetensors.mutate(&weights, limit: limit - start.count, random: &random, change: change)
      bytes = start + weights
      return
    }
    if self == .zip, random.next() % 4 != 0 {
      var archive = StoredArchive(reading: bytes)
      archive.mutate(limit: limit, random: &random) { part, limit in change(part, limit) }
      bytes = archive.bytes()
      return
    }
    let pieces = random.next() % 2 == 0 ? bytes.withUnsafeBytes { self.pieces(of: $0) } : []
    bytes =
      pieces.isEmpty ? change(bytes[...], limit) : pieces.mutated(bytes, limit: limit, random: &random, change: change)
    // Some inputs stay broken.
    if random.next() % 8 != 0 { repair(&bytes, limit: limit, random: &random) }
  }

  /// The parts of a file.
  private func pieces(of bytes: UnsafeRawBufferPointer) -> [Piece] {
    func begins(_ magic: String, at place: Int = 0) -> Bool { bytes.dropFirst(place).starts(with: magic.utf8) }
    if begins("OggS") { return .ogg(bytes) }
    if begins("RIFF") || begins("FORM") { return .riff(bytes) }
    return switch self {
    case .png: .png(bytes)
    case .jpeg: .jpeg(bytes)
    case .pickle: .pickle(bytes)
    case .sound: begins("fLaC") ? .flac(bytes) : []
    case .video, .container:
      if begins("FLV") {
        .flv(bytes)
      } else if begins("\u{1A}E") {
        .matroska(bytes)
      } else if begins("G") {
        .transport(bytes)
      } else {
        .movie(bytes)
      }
    default: []
    }
  }

  private func repair(_ bytes: inout [UInt8], limit: Int, random: inout SplitMix) {
    switch self {
    case .safetensors:
      SafetensorsRepair.measureHeader(&bytes)
      if random.next() % 2 == 0 { SafetensorsRepair.placeTensors(&bytes, limit: limit) }
    case .png: ChecksumRepair.png(&bytes)
    case .sound, .video, .container: ChecksumRepair.ogg(&bytes)
    case .ply where random.next() % 2 == 0: PointRepair.countVertices(&bytes)
    case .npy: PointRepair.measureNPYHeader(&bytes)
    default: break
    }
  }
}
