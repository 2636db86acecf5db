extension FuzzTarget {
  /// Changes parts of a file of this format, and corrects lengths and checksums.
  ///
  /// - Parameter change: libFuzzer's own mutation of a part.
  func mutate(
    _ bytes: inout [UInt8], limit: Int, random: inout SplitMix,
    change: (ArraySlice<UInt8>, _ limit: Int) -> [UInt8]
  ) {
    switch self {
    case .model where random.next() % 4 != 0:
      return Self.mutateModel(&bytes, limit: limit, random: &random, change: change)
    case .zip where random.next() % 4 != 0:
      var archive = StoredArchive(reading: bytes)
      archive.mutate(limit: limit, random: &random, change: change)
      bytes = archive.bytes()
      return
    default: break
    }
    let pieces = random.next() % 2 == 0 ? bytes.withUnsafeBytes { self.pieces(of: $0) } : []
    bytes =
      pieces.isEmpty ? change(bytes[...], limit) : pieces.mutated(bytes, limit: limit, random: &random, change: change)
    // Some inputs are not repaired.
    if random.next() % 8 != 0 { repair(&bytes, limit: limit, random: &random) }
  }

  /// Changes the configuration or the weights of a model.
  private static func mutateModel(
    _ bytes: inout [UInt8], limit: Int, random: inout SplitMix,
    change: (ArraySlice<UInt8>, _ limit: Int) -> [UInt8]
  ) {
    let end = bytes.firstIndex(of: 0) ?? bytes.count
    var text = Array(bytes[..<end])
    var weights = Array(bytes[end...].dropFirst())
    let room = max(0, limit - bytes.count)
    if random.next() % 2 == 0 {
      FuzzTarget.configuration.mutate(&text, limit: text.count + room, random: &random, change: change)
    } else {
      FuzzTarget.safetensors.mutate(&weights, limit: weights.count + room, random: &random, change: change)
    }
    bytes = text.filter { $0 != 0 } + [0] + weights
  }

  /// The parts of a file.
  private func pieces(of bytes: UnsafeRawBufferPointer) -> [Piece] {
    func begins(_ magic: String) -> Bool { bytes.starts(with: magic.utf8) }
    if begins("OggS") { return .ogg(bytes) }
    if begins("RIFF") || begins("FORM") { return .riff(bytes) }
    return switch self {
    case .png: .png(bytes)
    case .jpeg: .jpeg(bytes)
    case .pickle: .pickle(bytes)
    case .index, .configuration, .forward, .preprocessing, .scales, .plan: .json(bytes)
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
