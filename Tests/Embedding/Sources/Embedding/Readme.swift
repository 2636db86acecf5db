import Foundation
import MultimodalPathway

/// The README's example, line by line; a test compares the two.
func readme(modelURL: URL, speechURL: URL, images: Tensor) throws -> Tensor {
  let engine = try Engine(threads: 2)
  let weights = try ModelWeights(modelAt: modelURL)
  let auxiliary = try AuxiliaryWeights(modelAt: speechURL)
  let joined = try weights.attach(auxiliary: auxiliary, scale: 0.05)
  let model = try VisionTransformer(joined.merged(engine: engine), precision: .bfloat16, engine: engine)
  let logits = try model(images)  // (B, 3, 224, 224) normalised pixels
  return logits
}
