import Foundation
import PathwayCheckpoints

extension CheckpointLayout {
  /// Hugging Face's names for its models inside models with a head: a prefix that is part of the layout.
  static let families = [
    "vit.", "deit.", "dinov2.", "dinov2_with_registers.", "audio_spectrogram_transformer.", "videomae.",
  ]

  /// What training frameworks and bigger models put before a backbone's names while the head stays outside: with these
  /// prefixes only, names without the prefix belong to the same model.
  static let wrappers =
    families + [
      "module.", "model.", "state_dict.", "base_model.", "backbone.", "encoder.", "MAE_encoder.", "blocks.", "bert.",
    ]

  /// The layout that `names` have, or nil; the prefix is that of the names after `TensorNames` tidied them.
  ///
  /// Any prefix is a wrapper's, as long as it is the only one.
  ///
  /// - Throws: `CheckpointLayoutError.ambiguous` where the file holds several transformers; `.refused` where it holds
  ///   only one that cannot be used; `.chunks`.
  /// - Complexity: O(names x layouts).
  public static func detect(_ names: some Sequence<String>) throws -> Match? {
    try match(TensorNames(names).tidy)
  }

  /// The same of tidied names.
  static func match(_ names: [String]) throws -> Match? {
    let found = matches(names)
    guard let first = found.usable.first else {
      if let refused = found.refused.first, case .refused(let reason) = refused.layout.kind {
        throw CheckpointLayoutError.refused(title: refused.layout.title, reason: reason)
      }
      if let decoder = found.decoders.first {
        throw CheckpointLayoutError.refused(
          title: "\(decoder.layout.title) under '\(decoder.prefix)'", reason: "it is a decoder; take an encoder")
      }
      return nil
    }
    guard found.usable.count == 1 else {
      throw CheckpointLayoutError.ambiguous(prefixes: found.usable.map(\.prefix).sorted())
    }
    guard first.layout == .timm else { return first }
    let beginnings = ([""] + outerPrefixes(of: first.prefix)).flatMap { outer in leftovers.map { outer + $0 } }
    let isPretraining = names.contains { name in beginnings.contains { name.hasPrefix($0) } }
    let isJoined = names.contains { $0.hasSuffix(auxiliaryWeight) }
    return Match(layout: isJoined ? .m2pt : isPretraining ? .pretraining : .timm, prefix: first.prefix)
  }

  /// All transformers in a file: those that a row of the table loads, those that one refuses, and the decoders of
  /// models that have an encoder too.
  static func matches(_ names: [String]) -> (usable: [Match], refused: [Match], decoders: [Match]) {
    let all = Set(names)
    var claimed: Set<String> = []
    var result: (usable: [Match], refused: [Match], decoders: [Match]) = ([], [], [])
    for layout in table {
      guard let signature = layout.signature else { continue }
      for name in names where name.hasSuffix(signature) && !claimed.contains(name) {
        let prefix = String(name.dropLast(signature.count))
        guard prefix.isEmpty || prefix.hasSuffix("."), layout.signs.allSatisfy({ all.contains(prefix + $0) }),
          !layout.counterSigns.contains(where: { all.contains(prefix + $0) })
        else { continue }
        claimed.insert(name)
        let match = Match(layout: layout, prefix: prefix)
        if case .refused = layout.kind {
          result.refused.append(match)
        } else if isDecoder(prefix) {
          result.decoders.append(match)
        } else {
          result.usable.append(match)
        }
      }
    }
    return result
  }

  /// Blocks of which an auxiliary uses nothing: what their names begin with before the number, where block 0 has at
  /// least four matrices. Decoders, which models with an encoder have next to it, are left out.
  ///
  /// - Parameters:
  ///   - outside: tensors that do not share the transformer's prefix.
  ///   - inside: those that do and are not used, without it.
  ///   - used: what the names of the used blocks begin with, without the prefix.
  /// - Complexity: O(names).
  static func unusedStacks(_ outside: [String: Tensor], _ inside: [String: Tensor], used: String) -> [String] {
    var matrices: [String: Int] = [:]
    func count(_ tensors: [String: Tensor], except used: String) {
      for (name, tensor) in tensors where tensor.shape.count == 2 && name.hasSuffix("weight") {
        guard let zero = name.range(of: ".0.") else { continue }
        let stack = String(name[..<zero.lowerBound]) + "."
        if stack != used, stack != "blocks.", !isDecoder(stack) { matrices[stack, default: 0] += 1 }
      }
    }
    count(outside, except: "")
    count(inside, except: used)
    return matrices.filter { $0.value >= 4 }.keys.sorted().prefix(4).map { $0 }
  }

  private static func isDecoder(_ prefix: String) -> Bool {
    prefix.split(separator: ".").contains { part in
      part == "decoder" || part.hasPrefix("decoder_") || part.hasSuffix("_decoder") && part != "encoder_decoder"
    }
  }

  /// Whether `prefix` is made of `parts` only.
  static func isMade(_ prefix: String, of parts: [String]) -> Bool {
    var rest = Substring(prefix)
    while !rest.isEmpty {
      guard let part = parts.first(where: { rest.hasPrefix($0) }) else { return false }
      rest = rest.dropFirst(part.count)
    }
    return true
  }

  /// The prefix and what it begins with: `a.b.` and `a.`.
  static func outerPrefixes(of prefix: String) -> [String] {
    prefix.indices.filter { prefix[$0] == "." }.map { String(prefix[...$0]) }
  }
}
