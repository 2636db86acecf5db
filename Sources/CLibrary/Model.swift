import CLibrarySupport
import Foundation
import MultimodalPathway
import PathwayData
import PathwayKernels

/// What `m2pt_model` is a handle of.
final class LoadedModel: Sendable {
  let transformer: AdjustableTransformer
  let frontEnd: any FrontEnd
  /// C strings that live as long as the handle.
  let modality: CText
  let names: [CText]
  let categories: [CText]

  init(_ parts: PipelineLoading.Parts) {
    (transformer, frontEnd) = (parts.transformer, parts.frontEnd)
    let c = parts.transformer.model.configuration
    modality = CText(c.modality.rawValue)
    names = c.classNames?.map { CText($0) } ?? []
    categories = c.parts?.categories.map { CText($0.name) } ?? []
  }

  /// A handle that the caller of the library keeps until `m2pt_free`.
  var handle: OpaquePointer { OpaquePointer(Unmanaged.passRetained(self).toOpaque()) }

  /// The model of a handle.
  ///
  /// - Throws: `ArgumentError`.
  static func of(_ handle: OpaquePointer?) throws -> LoadedModel {
    guard let handle else { throw ArgumentError("model is NULL, expected a model of m2pt_load") }
    // SAFETY: a handle is the retained pointer of `handle`, and the caller has not freed it.
    return Unmanaged<LoadedModel>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
  }
}

/// A C string.
final class CText: @unchecked Sendable {
  // SAFETY: the bytes are never written after initialisation.
  let base: UnsafePointer<CChar>

  init(_ text: String) {
    let bytes = Array(text.utf8CString)
    let memory = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
    memory.initialize(from: bytes, count: bytes.count)
    base = UnsafePointer(memory)
  }

  deinit { base.deallocate() }
}

/// An argument of a C call that cannot be.
struct ArgumentError: CodedError {
  let description: String
  var code: String { "argument" }

  init(_ description: String) { self.description = description }
}

/// Runs the body of a C function: its error is kept for the thread, and becomes a status.
func status(_ body: () throws -> Void) -> m2pt_status {
  do {
    try body()
    return M2PT_OK
  } catch {
    let code = (error as? any CodedError)?.code ?? (error is CancellationError ? "cancelled" : "other")
    mp_library_set_error(code, error is CancellationError ? "a callback asked to stop" : "\(error)")
    switch error {
    case is ArgumentError: return M2PT_ARGUMENT
    case is CancellationError: return M2PT_CANCELLED
    case is MemoryError: return M2PT_MEMORY
    case is EngineError: return M2PT_SYSTEM
    default: return statuses[code] ?? statuses[code.prefix { $0 != "." }.description] ?? M2PT_OTHER
    }
  }
}

/// Statuses by an error's code, or by the kind of object in it.
private let statuses: [String: m2pt_status] = {
  let files = [
    "audio", "audio-file", "checkpoint", "data", "image", "image-file", "image-preprocessing", "point-file", "points",
    "table", "video-file",
  ]
  let models = [
    "batch-norm", "binding", "configuration", "inference", "layout", "not-finite", "pathway", "data.answers-per-point",
    "data.answers-whole", "data.no-categories", "data.no-classes",
  ]
  let pairs = files.map { ($0, M2PT_FILE) } + models.map { ($0, M2PT_MODEL) }
  return Dictionary(uniqueKeysWithValues: pairs)
}()
