import MultimodalPathway
import PathwayKernelTemplates
import PathwayKernels

/// A piece of work with a name: perf/ times it, the tests run it.
public struct PathwayCase: Sendable, CustomStringConvertible {
  public let name: String
  /// Images, or calls of a kernel, in one run.
  public let items: Int
  /// Floating-point operations of one run; a multiply-add is two.
  public let operations: Double
  let make: @Sendable (Engine) throws -> PathwayRun

  public var description: String { name }

  /// The work with its memory, ready to run any number of times.
  public func prepare(_ engine: Engine) throws -> PathwayRun { try make(engine) }

  public static let all = models + files + kernels + points
  /// The cases that take milliseconds: for tests and exact counters.
  public static let quick = all.filter { $0.name.contains("ViT-Ti/") } + kernels + points

  /// Whole forward passes, random weights.
  public static let models = [
    forward("classify one photo, ViT-B/16", preset("vit_base_patch16_224")),
    forward("classify eight photos, ViT-B/16", preset("vit_base_patch16_224"), batch: 8),
    forward("classify one photo, ViT-Ti/16", preset("vit_tiny_patch16_224")),
    forward("classify three photos, ViT-Ti/16", preset("vit_tiny_patch16_224"), batch: 3),
    forward("classify one photo, ViT-S/16", preset("vit_small_patch16_224")),
    forward("classify one photo, ViT-L/16", preset("vit_large_patch16_224")),
    forward("features of one photo, DINOv2-S/14 at 518", preset("vit_small_patch14_dinov2")),
    forward("16 frames of video, 1568 tokens, ViT-B/16", video),
    forward("10 s of sound, 512 tokens, ViT-B/16", sound),
    forward("classify one cloud, Point-MAE", preset("point_mae_modelnet40")),
    forward("segment one cloud, Point-MAE", preset("point_mae_shapenetpart")),
    forward("one photo, merged pathway, ViT-B/16", preset("vit_base_patch16_224"), pathway: .merged),
    forward("one photo, folded pathway, ViT-B/16", preset("vit_base_patch16_224"), pathway: .folded),
    forward("eight photos, merged pathway, ViT-B/16", preset("vit_base_patch16_224"), batch: 8, pathway: .merged),
    forward("eight photos, folded pathway, ViT-B/16", preset("vit_base_patch16_224"), batch: 8, pathway: .folded),
    forward("one photo, two-branch pathway, ViT-B/16", preset("vit_base_patch16_224"), pathway: .twoBranch),
    forward("one photo, folded pathway, ViT-Ti/16", preset("vit_tiny_patch16_224"), pathway: .folded),
    forward("one photo, two-branch pathway, ViT-Ti/16", preset("vit_tiny_patch16_224"), pathway: .twoBranch),
  ]

  /// From a file to an answer, and to another file; the files are in the page cache.
  public static let files = [
    firstLogits("from a file to the first logits, ViT-B/16", preset("vit_base_patch16_224")),
    firstLogits("from a file to the first logits, ViT-Ti/16", preset("vit_tiny_patch16_224")),
    merge("merge into a file, ViT-B/16", preset("vit_base_patch16_224")),
    merge("merge into a file, ViT-Ti/16", preset("vit_tiny_patch16_224")),
    pack("pack all weights, ViT-B/16", preset("vit_base_patch16_224")),
    pack("pack all weights, ViT-Ti/16", preset("vit_tiny_patch16_224")),
  ]

  /// Parts of a pass of ViT-B/16 over one photograph.
  public static let kernels = [
    linear("qkv, 197 x 768 x 2304", m: 197, k: 768, n: 2304),
    linear("fc1 + GELU, 197 x 768 x 3072", m: 197, k: 768, n: 3072, appliesGELU: true),
    linear("fc2, 197 x 3072 x 768", m: 197, k: 3072, n: 768),
    attention("attention, 197 tokens, 12 heads", tokens: 197, heads: 12),
    foldAndPack("fold and pack, 768 x 3072", k: 768, n: 3072),
  ]

  private static func linear(_ name: String, m: Int, k: Int, n: Int, appliesGELU: Bool = false) -> PathwayCase {
    PathwayCase(name: name, items: 1, operations: 2 * Double(m) * Double(k) * Double(n)) { engine in
      // Row strides of an odd number of cache lines, as for the activations of a model.
      let (lda, ldc) = (k + 16, n + 16)
      let input = numbers(m * lda, scale: 1)
      let bias = numbers(n, scale: 0.1)
      let weights = numbers(n * k, scale: 0.03)
      let matrix = WeightMatrix.packed(try PackedMatrix(weights.base, n: n, k: k, engine: engine))
      let scratchCount = LinearProduct.scratchCount(engine.kernels, k: k)
      let scratch = FloatBuffer(count: engine.threads * scratchCount)
      return PathwayRun(outputCount: m * ldc) { output in
        var epilogue = Epilogue()
        epilogue.bias = UnsafePointer(bias.base)
        epilogue.appliesGELU = appliesGELU
        try engine.run { member in
          let own = scratch.base + member.index * scratchCount
          LinearProduct.run(
            &member, engine.kernels, weight: matrix, a: input.base, lda: lda, m: m, c: output.base, ldc: ldc,
            epilogue: epilogue, scratch: own)
        }
      }
    }
  }

  private static func attention(_ name: String, tokens: Int, heads: Int) -> PathwayCase {
    let size = 64
    let width = heads * size
    return PathwayCase(name: name, items: 1, operations: 4 * Double(tokens * tokens * width)) { engine in
      let qkv = numbers(tokens * 3 * width, scale: 1)
      let count = attentionScratchCount(
        tokens: tokens, headSize: size, panelColumns: engine.kernels.panelColumns, tileRows: engine.kernels.tileRows)
      let scratch = FloatBuffer(count: engine.threads * count)
      return PathwayRun(outputCount: tokens * width) { output in
        try engine.run { member in
          let own = scratch.base + member.index * count
          member.parallelFor(heads) { head in
            let q = UnsafePointer(qkv.base) + head * size
            var arguments = AttentionArguments(
              q: q, k: q + width, v: q + 2 * width, stride: 12 * width, output: output.base + head * size,
              outputStride: 4 * width, tokens: tokens, headSize: size, scale: 0.125)
            engine.kernels.float32Activations.attention(&arguments, Span1D(0, tokens), own)
          }
        }
      }
    }
  }

  private static func foldAndPack(_ name: String, k: Int, n: Int) -> PathwayCase {
    PathwayCase(name: name, items: 1, operations: 2 * Double(k * n)) { engine in
      let weights = numbers(n * k, scale: 0.03)
      let other = numbers(n * k, scale: 0.02)
      let term = FoldTerm(scale: 0.05, weight: other.base)
      let scratchCount = engine.kernels.packScratchCount(k: k)
      let scratch = FloatBuffer(count: engine.threads * scratchCount)
      let width = engine.kernels.panelColumns
      let panels = (n + width - 1) / width
      return PathwayRun(outputCount: panels * width * k) { output in
        try withUnsafePointer(to: term) { term in
          try engine.run { member in
            let own = scratch.base + member.index * scratchCount
            member.parallelFor(panels) { panel in
              var place = PackedPanels(words: output.base + panel * width * k)
              engine.kernels.float32.pack(weights.base, n, k, term, 1, Span1D(panel, panel + 1), &place, own)
            }
          }
        }
        withExtendedLifetime(other) {}
      }
    }
  }

  /// Floats in -scale...scale that repeat after 8,191.
  private static func numbers(_ count: Int, scale: Float) -> FloatBuffer {
    let buffer = FloatBuffer(count: count)
    for index in 0..<count { buffer.base[index] = scale * (Float(index &* 2_654_435_761 % 8191) / 4095 - 1) }
    return buffer
  }
}
