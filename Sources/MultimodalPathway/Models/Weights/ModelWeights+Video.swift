import Foundation
import PathwayCheckpoints

extension ModelWeights {
  /// Adds what checkpoints of videos leave out: positions that are fixed, and a tubelet of one frame in the shape of a
  /// patch embedding in two dimensions.
  static func completeVideo(_ tensors: inout [String: Tensor], _ c: VisionTransformerConfiguration) {
    if tensors["pos_embed"] == nil {
      tensors["pos_embed"] = Tensor(
        sinusoids(c.positionPrefix + c.patchCount, c.width), shape: [1, c.positionPrefix + c.patchCount, c.width])
    }
    if let patches = tensors["patch_embed.proj.weight"], patches.shape.count == 4, c.tubelet == 1 {
      tensors["patch_embed.proj.weight"] = patches.reshaped(Array(patches.shape[..<2] + [1] + patches.shape[2...]))
    }
  }

  /// Fixed positions, (count, width): sin(p / 10000^(2i / width)) at channel 2i and the cosine at 2i + 1, p counting
  /// tokens whatever their place in time and space (Vaswani et al. 2017, arXiv 1706.03762, section 3.5; VideoMAE's
  /// table). Computed in double and rounded once.
  package static func sinusoids(_ count: Int, _ width: Int) -> [Float] {
    let divisors = (0..<width).map { pow(10000, Double(2 * ($0 / 2)) / Double(width)) }
    return (0..<count).flatMap { position in
      divisors.indices.map { channel in
        let angle = Double(position) / divisors[channel]
        return Float(channel % 2 == 0 ? sin(angle) : cos(angle))
      }
    }
  }
}
