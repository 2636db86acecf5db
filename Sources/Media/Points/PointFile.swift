import Foundation
import MultimodalPathway
import PathwayKernels

/// Files of points and meshes: PLY, OFF, OBJ, XYZ and other columns of text, NPY, NPZ.
public enum PointFile {
  /// Reads a file of points, recognized by its content, whatever its name.
  ///
  /// Coordinates become float32; those of clouds far from zero are first made relative to an origin
  /// (`PointCloud.init(positions:triangles:)`). Normals, colours and other columns are ignored; faces are kept as
  /// triangles.
  ///
  /// - Parameters:
  ///   - limits: checked before memory is allocated.
  ///   - note: called for choices between two readings.
  /// - Throws: `PointFileError`; `MediaError.unreadable`.
  /// - Complexity: O(file).
  public static func read(
    _ file: URL, limits: PointLimits = PointLimits(), note: (MediaNote) -> Void = { _ in }
  ) throws -> PointCloud {
    try decode(contents(of: file, limits), name: file.path, limits: limits, note: note)
  }

  /// Reads a file of points in memory, as `read(_:limits:note:)`.
  ///
  /// - Parameter name: the name of the file in errors.
  public static func decode(
    _ data: Data, name: String, limits: PointLimits = PointLimits(), note: (MediaNote) -> Void = { _ in }
  ) throws -> PointCloud {
    try decode(data, name: name, limits: limits, wantsLabels: false, note: note).cloud
  }

  /// - Throws: `PointFileError.limitExceeded`; `MediaError.unreadable`.
  static func contents(of file: URL, _ limits: PointLimits) throws -> Data {
    do {
      return try ImageFile.contents(of: file, limit: limits.fileBytes)
    } catch MediaError.limitExceeded(let file, .fileBytes, let found?, let limit) {
      throw PointFileError.limitExceeded(file: file, quantity: .fileBytes, found: found, limit: limit)
    }
  }

  /// The points of a file; and if they are wanted their labels, which OFF and OBJ files do not have.
  static func decode(
    _ data: Data, name: String, limits: PointLimits, wantsLabels: Bool, note: (MediaNote) -> Void
  ) throws -> (cloud: PointCloud, labels: [Int]) {
    if data.isEmpty { throw PointFileError.empty(file: name) }
    if data.starts(with: [0xFF, 0xFE]) || data.starts(with: [0xFE, 0xFF]) {
      throw PointFileError.unsupportedVariant(file: name, finding: "text in UTF-16; save it as UTF-8")
    }
    // A copy of the file; and for each point, at least 6 bytes of text, three Double and three float32.
    try SystemMemory.require(SystemMemory.product(data.count, 8), for: .file)
    let mark = data.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    var scanner = PointScanner([UInt8](data), from: mark, file: name, limits: limits, wantsLabels: wantsLabels)
    switch PointFormat(firstBytes: data.dropFirst(mark).prefix(PointFormat.looksAt)) {
    case .ply: try readPLY(&scanner)
    case .npy: try readNPY(&scanner)
    case .npz: try readNPZ(&scanner)
    case .off: try readOFF(&scanner)
    case .obj: try readOBJ(&scanner)
    case .columns: try readColumns(&scanner)
    case .other(let found): throw PointFileError.unsupportedFormat(file: name, found: found)
    }
    let cloud = try scanner.cloud()
    for text in scanner.notes { note(MediaNote(file: name, text)) }
    if let text = coarseness(cloud) { note(MediaNote(file: name, text)) }
    return (cloud, scanner.labels)
  }

  /// A note on a cloud far from zero that was saved as float32 and lost its shape; nil for others.
  private static func coarseness(_ cloud: PointCloud) -> String? {
    guard cloud.origin == .zero, cloud.triangles.isEmpty else { return nil }
    let values = cloud.coordinates
    let extent = (0..<3).reduce(Float(0)) { widest, axis in
      let places = stride(from: axis, to: values.count, by: 3)
      var (lowest, highest) = (values[axis], values[axis])
      for place in places { (lowest, highest) = (min(lowest, values[place]), max(highest, values[place])) }
      return max(widest, highest - lowest)
    }
    let largest = values.reduce(Float(0)) { max($0, $1.magnitude) }
    guard extent > 0, largest.ulp > extent / 1024, values.contains(where: { $0 != $0.rounded() }) else { return nil }
    return "its coordinates near \(largest) have steps of \(largest.ulp), those of float32, for an extent of "
      + "\(extent): the shape is coarse; save them as float64, or move the cloud towards 0"
  }
}

/// The format of a file of points, recognized by its first bytes.
enum PointFormat: Equatable {
  case ply, npy, npz, off, obj
  /// Numbers in columns.
  case columns
  case other(String)

  /// Bytes that are read: comments may precede the first significant line.
  static let looksAt = 1 << 16

  init(firstBytes: Data) {
    let bytes = [UInt8](firstBytes)
    if bytes.starts(with: [0x93] + Array("NUMPY".utf8)) {
      self = .npy
      return
    }
    if bytes.starts(with: "PK\u{3}\u{4}".utf8) {
      self = .npz
      return
    }
    let isText = bytes.allSatisfy { $0 >= 0x20 || (0x09...0x0D).contains($0) }
    if bytes.starts(with: "ply".utf8), bytes.count > 3, bytes[3] == 0x0A || bytes[3] == 0x0D {
      self = .ply
      return
    }
    switch ImageFormat(firstBytes: bytes) {
    case .jpeg: self = .other("a JPEG image")
    case .png: self = .other("a PNG image")
    case .unsupported(let name): self = .other(name)
    case .unknown where !isText:
      let start = bytes.prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
      self = .other("the first bytes \(start)")
    case .unknown: self = Self.text(bytes)
    }
  }

  private static func text(_ bytes: [UInt8]) -> PointFormat {
    let lines = bytes.split { $0 == 0x0A || $0 == 0x0D }.map { line in
      line.prefix { $0 != UInt8(ascii: "#") }.split { PointScanner.isSeparator($0) }
    }
    guard let first = lines.first(where: { !$0.isEmpty })?.first else { return .columns }
    if OFFHeader(keyword: first) != nil { return .off }
    let keywords = ["v", "vn", "vt", "vp", "o", "g", "s", "f", "l", "p", "mtllib", "usemtl"]
    return keywords.contains(String(decoding: first, as: UTF8.self)) ? .obj : .columns
  }
}
