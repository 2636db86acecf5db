import Foundation
import PathwayCheckpoints
import PathwayKernelTemplates
import PathwayKernels
import Synchronization

extension PathwayWeights {
  /// Merges and writes a safetensors file that timm loads with `strict=True`.
  ///
  /// Its metadata say where it comes from: the sources' names and SHA-256, scales, block maps, bias rules, this
  /// release, the target's `config.json`, and under `m2pt.previous` the same of a target that was merged itself.
  ///
  /// - Parameters:
  ///   - type: float32, bfloat16 or float16; a narrower one costs one rounding, of the finished sums.
  ///   - inputs: files beside the target's and the auxiliaries' own that must not be overwritten.
  /// - Throws: `PathwayError.overwritesInput` before anything is computed: a merge cannot be undone from its result;
  ///   `PathwayError.beyondRange`; `CheckpointError`.
  /// - Complexity: every file is read twice, once for its digest; memory of 512 KiB a thread. All threads of `engine`
  ///   fold and write; then, while the disk takes in what was written, each computes the digest of a file.
  public func writeMerged(
    to output: URL, as type: ElementType = .float32, inputs: [URL] = [], engine: Engine
  ) throws {
    guard ModelWeights.writtenTypes.contains(type) else { throw PathwayError.notAFloatType(type) }
    let sources = sources
    for input in sources.map(\.file) + inputs where FileIdentity(input) == FileIdentity(output) {
      throw PathwayError.overwritesInput(file: output.path)
    }
    var metadata = try mergedMetadata()
    metadata["m2pt.dtype"] = type.rawValue
    metadata["m2pt.target_dtype"] = target.storedType.rawValue
    let changes = try changes()
    let tensors = target.tensors.merging(changes.biases) { $1 }
    let shapes = tensors.mapValues { (type: type, shape: $0.shape) }
    func plan(_ digests: [String]) throws -> SafetensorsPlan {
      for (source, digest) in zip(sources, digests) {
        metadata[source.key] = "\(source.file.lastPathComponent) sha256:\(digest)"
      }
      return try SafetensorsPlan(shapes, metadata: metadata, file: output.path)
    }
    // Digests are of one length, and the places of tensors known before them.
    let draft = try plan(sources.map { _ in String(repeating: "0", count: 64) })
    try AtomicFile.write(to: output) { file in
      let merging = draft.names.compactMap { name in
        tensors[name].map { tensor in
          MergedTensor(name, tensor, changes.terms[name] ?? [], as: type, at: draft.offsets[name] ?? 0, in: file)
        }
      }
      let digests = try Self.write(merging, thenDigest: sources.map(\.file), to: file, engine: engine)
      try plan(digests).header.withUnsafeBytes { try file.write($0, at: 0) }
    }
  }

  /// Files that the weights came from, each with its key in a merged file's metadata.
  private var sources: [(key: String, file: URL)] {
    let roles = [("target", target.files)] + pathways.enumerated().map { ("auxiliary.\($0)", $1.auxiliary.files) }
    return roles.flatMap { role, files in
      files.enumerated().map { ("m2pt.source.\(role)" + (files.count == 1 ? "" : ".\($0)"), $1) }
    }
  }

  /// One parallel region: pieces of all tensors, then files.
  private static func write(
    _ tensors: [MergedTensor], thenDigest files: [URL], to file: AtomicFile, engine: Engine
  ) throws -> [String] {
    let pieces = tensors.indices.flatMap { index in
      stride(from: 0, to: tensors[index].count, by: foldedPiece).map { (tensor: index, start: $0) }
    }
    let scratch = FloatBuffer(uninitialized: engine.threads * foldedPiece)
    let state = Mutex((digests: files.map { _ in "" }, error: (any Error)?.none))
    func attempt(_ body: () throws -> Void) {
      do { try body() } catch { state.withLock { if $0.error == nil { $0.error = error } } }
    }
    try engine.run { member in
      let own = scratch.base + member.index * foldedPiece
      member.share(pieces.count) { index in
        let (tensor, start) = (tensors[pieces[index].tensor], pieces[index].start)
        let range = start..<min(start + foldedPiece, tensor.count)
        attempt { try tensor.write(range, engine.kernels, at: own, of: scratch) }
      }
      if member.index == 0 { file.beginFlushing() }
      member.share(files.count) { index in
        attempt {
          let digest = try FileDigest.sha256(of: files[index])
          state.withLock { $0.digests[index] = digest }
        }
      }
    }
    return try state.withLock {
      if let error = $0.error { throw error }
      return $0.digests
    }
  }
}

/// A tensor on its way into a merged file, piece by piece.
private struct MergedTensor {
  private let name: String
  private let weight: Tensor
  private let terms: [PathwayWeights.Term]
  private let type: ElementType
  private let offset: Int
  private let file: AtomicFile

  var count: Int { weight.count }

  /// - Parameter offset: of its bytes in `file`.
  init(
    _ name: String, _ weight: Tensor, _ terms: [PathwayWeights.Term], as type: ElementType, at offset: Int,
    in file: AtomicFile
  ) {
    (self.name, self.weight, self.terms, self.type) = (name, weight, terms, type)
    (self.offset, self.file) = (offset, file)
  }

  /// Folds, rounds and writes some elements.
  ///
  /// - Parameter scratch: room for as many floats, in `memory`.
  func write(
    _ range: Range<Int>, _ kernels: KernelTable, at scratch: UnsafeMutablePointer<Float>, of memory: FloatBuffer
  ) throws {
    try WeightPointers(weight, terms).use { weight, terms in
      if terms.isEmpty {
        UnsafeMutableRawPointer(scratch).copyMemory(from: weight + range.lowerBound, byteCount: range.count * 4)
      } else {
        PathwayWeights.fold(weight, terms, range, kernels, into: scratch)
      }
    }
    // SAFETY: nobody writes there before the next piece, when this tensor is gone.
    let sums = Tensor(elementType: .float32, shape: [range.count], base: scratch, owner: memory)
    guard let rounded = try sums.rounded(to: type) else { throw PathwayError.beyondRange(tensor: name, type: type) }
    try rounded.withUnsafeBytes { try file.write($0, at: offset + range.lowerBound * type.byteCount) }
  }
}

/// What makes two paths the same file: links resolved, and hard links through the file system's own number.
private struct FileIdentity {
  private let path: String
  private let number: [Int]?

  init(_ url: URL) {
    path = url.resolvingSymlinksInPath().standardizedFileURL.path
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    let numbers = [attributes?[.systemNumber], attributes?[.systemFileNumber]].compactMap { $0 as? Int }
    number = numbers.count == 2 ? numbers : nil
  }

  static func == (a: FileIdentity, b: FileIdentity) -> Bool {
    a.path == b.path || (a.number != nil && a.number == b.number)
  }
}
