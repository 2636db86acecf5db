import Foundation
import PathwayCheckpoints
import PathwayKernelTemplates
import PathwayKernels
import PathwayLoops
import Synchronization

extension PathwayWeights {
  /// Merges and writes a safetensors file that timm loads with `strict=True`.
  ///
  /// Its metadata say where it comes from: the sources' names and SHA-256, scales, block maps, bias rules, this
  /// release, the target's `config.json`, and under `m2pt.previous` the same of a target that was merged itself.
  ///
  /// - Parameters:
  ///   - type: float32, bfloat16 or float16; a narrower one costs one rounding, of the finished sums.
  ///   - inputs: files, in addition to the target's and the auxiliaries', that must not be overwritten.
  /// - Throws: `PathwayError.overwritesInput` before anything is computed: a merge cannot be undone from its result;
  ///   `NotFiniteError` where the target's weights, an auxiliary's with a scale other than 0, or their sums are not
  ///   finite; `PathwayError.beyondRange`; `CheckpointError`.
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
      let (digests, bad) = try Self.write(merging, thenDigest: sources.map(\.file), to: file, engine: engine)
      for (tensor, bad) in zip(merging, bad) {
        if let place = bad.notFinite {
          throw try notFiniteError(engine: engine)
            ?? NotFiniteError(
              tensor: tensor.name, origin: .sum, index: tensor.place(place.first), found: "NaN or infinity",
              count: place.count, total: tensor.count, storedType: nil)
        }
        if let place = bad.beyondRange {
          throw PathwayError.beyondRange(
            tensor: tensor.name, index: tensor.place(place.first), count: place.count, type: type)
        }
      }
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
  ///
  /// - Returns: the files' digests, and by tensor the numbers that cannot be written. Where there are such numbers, the
  ///   digests are empty.
  private static func write(
    _ tensors: [MergedTensor], thenDigest files: [URL], to file: AtomicFile, engine: Engine
  ) throws -> (digests: [String], bad: [BadNumbers]) {
    let pieces = tensors.indices.flatMap { index in
      stride(from: 0, to: tensors[index].count, by: foldedPiece).map { (tensor: index, start: $0) }
    }
    let scratch = FloatBuffer(uninitialized: engine.threads * foldedPiece)
    let state = Mutex(
      (
        digests: files.map { _ in "" }, bad: tensors.map { _ in BadNumbers() }, isGood: true,
        error: (any Error)?.none
      ))
    func attempt(_ body: () throws -> Void) {
      do { try body() } catch { state.withLock { if $0.error == nil { $0.error = error } } }
    }
    try engine.run { member in
      let own = scratch.base + member.index * foldedPiece
      member.parallelFor(pieces.count) { index in
        let (place, start) = pieces[index]
        let range = start..<min(start + foldedPiece, tensors[place].count)
        attempt {
          guard let bad = try tensors[place].write(range, engine.kernels, at: own, of: scratch) else { return }
          state.withLock {
            $0.bad[place].add(bad)
            $0.isGood = false
          }
        }
      }
      if member.index == 0 { file.beginFlushing() }
      member.parallelFor(files.count) { index in
        guard state.withLock({ $0.isGood && $0.error == nil }) else { return }
        attempt {
          let digest = try FileDigest.sha256(of: files[index])
          state.withLock { $0.digests[index] = digest }
        }
      }
    }
    return try state.withLock {
      if let error = $0.error { throw error }
      return ($0.digests, $0.bad)
    }
  }
}

/// Numbers of a tensor that cannot be written: the place of the first, and how many there are.
private struct BadNumbers {
  typealias Numbers = (first: Int, count: Int)
  var notFinite: Numbers?
  /// Finite, but beyond the file's format.
  var beyondRange: Numbers?

  mutating func add(_ other: BadNumbers) {
    func sum(_ a: Numbers?, _ b: Numbers?) -> Numbers? {
      guard let a, let b else { return a ?? b }
      return (min(a.first, b.first), a.count + b.count)
    }
    notFinite = sum(notFinite, other.notFinite)
    beyondRange = sum(beyondRange, other.beyondRange)
  }
}

/// A tensor on its way into a merged file, piece by piece.
private struct MergedTensor {
  let name: String
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

  func place(_ index: Int) -> [Int] { weight.place(ofElement: index) }

  /// Folds, checks, rounds and writes some elements: the check reads what folding left in the cache.
  ///
  /// - Parameter scratch: room in `memory` for one float an element.
  /// - Returns: the numbers that cannot be written, and then nothing is written; nil if all are written.
  func write(
    _ range: Range<Int>, _ kernels: KernelTable, at scratch: UnsafeMutablePointer<Float>, of memory: FloatBuffer
  ) throws -> BadNumbers? {
    try WeightPointers(weight, terms).use { weight, terms in
      if terms.isEmpty {
        UnsafeMutableRawPointer(scratch).copyMemory(from: weight + range.lowerBound, byteCount: range.count * 4)
      } else {
        PathwayWeights.fold(weight, terms, range, kernels, into: scratch)
      }
    }
    if let survey = FiniteScan.survey(scratch, count: range.count) {
      return BadNumbers(notFinite: (range.lowerBound + survey.first, survey.count))
    }
    // SAFETY: no thread writes there before the next piece, when this tensor is gone.
    let sums = Tensor(elementType: .float32, shape: [range.count], base: scratch, owner: memory)
    guard let rounded = try sums.rounded(to: type) else {
      let beyond = try sums.numbersBeyond(type)
      return BadNumbers(beyondRange: (range.lowerBound + beyond.first, beyond.count))
    }
    try rounded.withUnsafeBytes { try file.write($0, at: offset + range.lowerBound * type.byteCount) }
    return nil
  }
}
