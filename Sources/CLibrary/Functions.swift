import CLibrarySupport
import Foundation
import MultimodalPathway
import PathwayData

// The functions of m2pt.h, which documents their arguments. Errors become a status and the text of the thread
// (`status`).

private let version = CText(multimodalPathwayVersion)

/// The version of the library, a C string that lives as long as the process.
@_cdecl("m2pt_version")
public func m2ptVersion() -> UnsafePointer<CChar> { version.base }

/// Loads a model and puts its handle, which the caller frees, into `model`; null where the call fails.
@_cdecl("m2pt_load")
public func m2ptLoad(
  _ path: UnsafePointer<CChar>?, _ options: UnsafePointer<m2pt_options>?, _ model: UnsafeMutablePointer<OpaquePointer?>?
) -> m2pt_status {
  status {
    guard let model else { throw ArgumentError("model is NULL, expected a place for the handle") }
    model.pointee = nil
    let file = try url(path)
    let choices = try sized(options, m2pt_options(), \.size, "options", "M2PT_OPTIONS_INIT")
    let parts = try PipelineLoading.load(file, try loadingOptions(choices), { PathwayWeights($0) }) { share in
      if let progress = choices.progress, progress(share, choices.context) != 0 { throw CancellationError() }
    }
    model.pointee = LoadedModel(parts).handle
  }
}

/// What the C options say.
private func loadingOptions(_ choices: m2pt_options) throws -> Pipeline.Options {
  var result = Pipeline.Options()
  result.architecture = text(choices.architecture)
  if let name = text(choices.precision) {
    result.precision = PrecisionPlan(try value(name, "precision", ["float32", "bfloat16", "int8"]))
  }
  if let name = text(choices.execution) {
    result.execution = try value(name, "execution", PathwayExecution.allCases.map(\.rawValue))
  }
  guard choices.threads >= 0 else { throw ArgumentError("threads is \(choices.threads), expected 0...1024") }
  result.engine = try Engine(threads: choices.threads == 0 ? nil : Int(choices.threads))
  result.settings.resamplesSound = choices.resamples != 0
  if let note = choices.note {
    let receiver = Receiver(note: note, context: choices.context)
    result.note = { receiver($0.description) }
  }
  return result
}

/// A callback for notes.
private struct Receiver: @unchecked Sendable {
  // SAFETY: m2pt.h says that notes come from any thread; the context is the caller's.
  let note: m2pt_note
  let context: UnsafeMutableRawPointer?

  func callAsFunction(_ text: String) { text.withCString { note($0, context) } }
}

/// Releases the handle of a model; null is ignored.
@_cdecl("m2pt_free")
public func m2ptFree(_ model: OpaquePointer?) {
  guard let model else { return }
  // SAFETY: the retained pointer of `LoadedModel.handle`, released once.
  Unmanaged<LoadedModel>.fromOpaque(UnsafeRawPointer(model)).release()
}

/// Writes what a model reads and answers, as far as the `size` of the structure has room.
@_cdecl("m2pt_describe")
public func m2ptDescribe(_ model: OpaquePointer?, _ description: UnsafeMutablePointer<m2pt_description>?) -> m2pt_status
{
  status {
    let loaded = try LoadedModel.of(model)
    guard let description else { throw ArgumentError("description is NULL, expected a structure to fill") }
    let size = description.pointee.size
    try check(size, MemoryLayout<m2pt_description>.size, "description", "M2PT_DESCRIPTION_INIT")
    let transformer = loaded.transformer.model
    let (c, shape) = (transformer.configuration, loaded.frontEnd.shape)
    var result = m2pt_description()
    result.size = size
    result.modality = loaded.modality.base
    result.class_count = c.classCount
    result.input_count = shape.reduce(1, *)
    result.logit_count = c.answerShape.reduce(1, *)
    result.feature_count = c.pooledWidth
    result.rank = shape.count
    withUnsafeMutableBytes(of: &result.shape) { bytes in
      let extents = bytes.bindMemory(to: Int.self)
      for (index, extent) in shape.prefix(extents.count).enumerated() { extents[index] = extent }
    }
    result.auxiliary_count = loaded.transformer.weights.pathways.count
    result.category_count = loaded.categories.count
    // SAFETY: the caller's structure has `size` bytes, at most those of this one.
    UnsafeMutableRawPointer(description).copyMemory(from: &result, byteCount: size)
  }
}

/// The name of a class, valid until the model is freed; null if the model has no name for the index.
@_cdecl("m2pt_class_name")
public func m2ptClassName(_ model: OpaquePointer?, _ index: Int) -> UnsafePointer<CChar>? {
  guard let loaded = try? LoadedModel.of(model), loaded.names.indices.contains(index) else { return nil }
  return loaded.names[index].base
}

/// The name of a category of objects, valid until the model is freed; null if the index is out of range.
@_cdecl("m2pt_category_name")
public func m2ptCategoryName(_ model: OpaquePointer?, _ index: Int) -> UnsafePointer<CChar>? {
  guard let loaded = try? LoadedModel.of(model), loaded.categories.indices.contains(index) else { return nil }
  return loaded.categories[index].base
}

// MARK: - Pathways

/// Attaches the auxiliary at `path`; nothing is changed where the call fails.
@_cdecl("m2pt_attach")
public func m2ptAttach(
  _ model: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ attachment: UnsafePointer<m2pt_attachment>?
) -> m2pt_status {
  status {
    let loaded = try LoadedModel.of(model)
    let file = try url(path)
    let choices = try sized(attachment, m2pt_attachment(), \.size, "attachment", "M2PT_ATTACHMENT_INIT")
    let scales = try text(choices.scales).map { try PathwayScales.read(URL(fileURLWithPath: $0), count: 1)[0] } ?? [:]
    let map = try text(choices.block_map).map { try BlockMap(parsing: $0) } ?? .identity
    let auxiliary = try AuxiliaryWeights(modelAt: file)
    try loaded.transformer.update {
      try $0.attach(
        auxiliary: auxiliary, blockMap: map, bias: choices.combines_biases == 0 ? .target : .combined,
        scale: choices.scale, scales: scales)
    }
  }
}

/// Removes an auxiliary, by its number from 0.
@_cdecl("m2pt_detach")
public func m2ptDetach(_ model: OpaquePointer?, _ auxiliary: Int) -> m2pt_status {
  status { _ = try LoadedModel.of(model).transformer.update { try $0.detached(auxiliary) } }
}

/// Sets lambda of a layer, of a kind of layer, or, where `layer` is null, of all that the auxiliary joins.
@_cdecl("m2pt_set_scale")
public func m2ptSetScale(
  _ model: OpaquePointer?, _ auxiliary: Int, _ layer: UnsafePointer<CChar>?, _ scale: Float
) -> m2pt_status {
  status {
    let loaded = try LoadedModel.of(model)
    let layer = text(layer)
    try loaded.transformer.update { weights in
      try layer.map { try weights.scaled([$0: scale], auxiliary: auxiliary) }
        ?? weights.scaled(scale, auxiliary: auxiliary)
    }
  }
}

/// Reads lambda of a layer.
@_cdecl("m2pt_scale")
public func m2ptScale(
  _ model: OpaquePointer?, _ auxiliary: Int, _ layer: UnsafePointer<CChar>?, _ scale: UnsafeMutablePointer<Float>?
) -> m2pt_status {
  status {
    let weights = try LoadedModel.of(model).transformer.weights
    guard let layer = text(layer) else { throw ArgumentError("layer is NULL, expected a layer's name") }
    guard let scale else { throw ArgumentError("scale is NULL, expected a place for a float") }
    guard weights.pathways.indices.contains(auxiliary) else {
      throw PathwayError.noSuchAuxiliary(found: auxiliary, count: weights.pathways.count)
    }
    guard let value = weights.pathways[auxiliary].scales[layer] else { throw PathwayError.notJoined(layer: layer) }
    scale.pointee = value
  }
}

/// Writes the model with its pathways merged, float32, to a safetensors file.
@_cdecl("m2pt_merge")
public func m2ptMerge(_ model: OpaquePointer?, _ path: UnsafePointer<CChar>?) -> m2pt_status {
  status {
    let transformer = try LoadedModel.of(model).transformer
    try transformer.weights.writeMerged(to: try url(path), engine: transformer.model.engine)
  }
}

// MARK: - Answers

/// Writes the scores of a file, (classes), their means over its views.
@_cdecl("m2pt_classify_file")
public func m2ptClassifyFile(
  _ model: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ scores: UnsafeMutablePointer<Float>?, _ count: Int
) -> m2pt_status {
  status { try classify(.of(model), .file(url(path)), scores, count) }
}

/// Writes the scores of a file of `size` bytes in memory, (classes).
@_cdecl("m2pt_classify_data")
public func m2ptClassifyData(
  _ model: OpaquePointer?, _ data: UnsafeRawPointer?, _ size: Int, _ name: UnsafePointer<CChar>?,
  _ scores: UnsafeMutablePointer<Float>?, _ count: Int
) -> m2pt_status {
  status { try withSource(data, size, name) { try classify(.of(model), $0, scores, count) } }
}

/// Writes the pooled features of a file, (C), their means over its views.
@_cdecl("m2pt_features_file")
public func m2ptFeaturesFile(
  _ model: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ features: UnsafeMutablePointer<Float>?, _ count: Int
) -> m2pt_status {
  status { try writeFeatures(.of(model), .file(url(path)), features, count) }
}

/// Writes the pooled features of a file of `size` bytes in memory, (C).
@_cdecl("m2pt_features_data")
public func m2ptFeaturesData(
  _ model: OpaquePointer?, _ data: UnsafeRawPointer?, _ size: Int, _ name: UnsafePointer<CChar>?,
  _ features: UnsafeMutablePointer<Float>?, _ count: Int
) -> m2pt_status {
  status { try withSource(data, size, name) { try writeFeatures(.of(model), $0, features, count) } }
}

/// Writes the logits, (batch, answer), of normalised inputs, (batch, ...).
@_cdecl("m2pt_logits")
public func m2ptLogits(
  _ model: OpaquePointer?, _ inputs: UnsafePointer<Float>?, _ batch: Int, _ logits: UnsafeMutablePointer<Float>?,
  _ count: Int
) -> m2pt_status {
  status {
    let loaded = try LoadedModel.of(model)
    let transformer = loaded.transformer.model
    guard (1...65_536).contains(batch) else { throw ArgumentError("batch is \(batch), expected 1...65536") }
    guard let inputs else { throw ArgumentError("inputs is NULL, expected normalised values") }
    let output = try room(logits, count, batch * transformer.configuration.answerShape.reduce(1, *), "logits")
    let shape = [batch] + loaded.frontEnd.shape
    let values = Array(UnsafeBufferPointer(start: inputs, count: shape.reduce(1, *)))
    let answer = try transformer(Tensor(values, shape: shape)).float32()
    _ = output.update(fromContentsOf: answer)
  }
}

private func classify(
  _ loaded: LoadedModel, _ source: InputSource, _ scores: UnsafeMutablePointer<Float>?, _ count: Int
) throws {
  let classifier = try Classifier(loaded.transformer.model, loaded.frontEnd)
  let output = try room(scores, count, classifier.model.configuration.classCount, "scores")
  let answer = try classifier(source)
  guard answer.isFinite else { throw DataError.notFinite(file: source.name) }
  for item in answer.best(count) { output[item.index] = Float(item.score) }
}

private func writeFeatures(
  _ loaded: LoadedModel, _ source: InputSource, _ features: UnsafeMutablePointer<Float>?, _ count: Int
) throws {
  let model = loaded.transformer.model
  let width = model.configuration.pooledWidth
  let output = try room(features, count, width, "features")
  let batches = InputBatches(frontEnd: loaded.frontEnd, engine: model.engine, size: 8)
  let workspace = try model.workspace(batch: batches.mostViews(files: 1))
  var (sums, views) = ([Double](repeating: 0, count: width), 0)
  try batches.forEach([source]) { batch in
    let rows = try model.forward(batch.values, workspace: workspace).pooled.float32()
    for (index, value) in rows.enumerated() { sums[index % width] += Double(value) }
    views += batch.views.count
  }
  guard sums.allSatisfy(\.isFinite) else { throw DataError.notFinite(file: source.name) }
  for (index, sum) in sums.enumerated() { output[index] = Float(sum / Double(views)) }
}
