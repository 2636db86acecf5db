import Foundation
import MultimodalPathway

/// A transformer's forward pass in Double, written from its definition and sharing no code with the engine: what
/// gradients are compared with differences of.
struct DoubleTransformer {
  let c: VisionTransformerConfiguration
  /// Where a parameter's values begin in the flat array of all, by name.
  let starts: [String: Int]
  /// (depth, 2, B); empty: ones.
  var dropPath: [Double] = []

  init(_ c: VisionTransformerConfiguration) {
    self.c = c
    var starts: [String: Int] = [:]
    var next = 0
    for parameter in c.parameters {
      starts[parameter.name] = next
      next += parameter.count
    }
    self.starts = starts
  }

  /// sum(weights logits) of normalised images, (B, channels, [T,] H, W), or of clouds in training, (B, P, 3).
  func loss(_ p: [Double], images: [Double], batch: Int, weights: [Double]) -> Double {
    let logits =
      c.points == nil
      ? (0..<batch).flatMap { self.logits(p, images: images, image: $0, batch: batch) }
      : pointLogits(p, clouds: images, batch: batch)
    return zip(logits, weights).reduce(0) { $0 + $1.0 * $1.1 }
  }

  private func logits(_ p: [Double], images: [Double], image: Int, batch: Int) -> [Double] {
    var x = tokens(p, images: images, image: image)
    if c.hasPreNorm { x = x.map { norm(p, "norm_pre", $0, c.epsilon) } }
    x = blocks(p, x, image: image, batch: batch).last ?? x
    return answer(p, x)
  }

  /// The outputs of all blocks.
  ///
  /// - Parameter positions: added to the input of every block.
  func blocks(
    _ p: [Double], _ tokens: [[Double]], image: Int, batch: Int, positions: [[Double]]? = nil
  ) -> [[[Double]]] {
    var (x, outputs): ([[Double]], [[[Double]]]) = (tokens, [])
    for block in 0..<c.depth {
      if let positions { x = zip(x, positions).map { zip($0, $1).map(+) } }
      func factor(_ branch: Int) -> Double {
        dropPath.isEmpty ? 1 : dropPath[(block * 2 + branch) * batch + image]
      }
      func add(_ y: [[Double]], _ scale: String, _ factor: Double) {
        for (token, row) in y.enumerated() {
          for column in row.indices {
            let gain = c.hasLayerScale ? value(p, "blocks.\(block).\(scale).gamma", column) : 1
            x[token][column] += factor * gain * row[column]
          }
        }
      }
      add(attention(p, "blocks.\(block)", x.map { norm(p, "blocks.\(block).norm1", $0, c.epsilon) }), "ls1", factor(0))
      let hidden = x.map { row in
        linear(p, "blocks.\(block).mlp.fc1", norm(p, "blocks.\(block).norm2", row, c.epsilon), c.hiddenWidth).map {
          0.5 * $0 * erfc(-$0 * 0.5.squareRoot())
        }
      }
      add(hidden.map { linear(p, "blocks.\(block).mlp.fc2", $0, c.width) }, "ls2", factor(1))
      outputs.append(x)
    }
    return outputs
  }

  private func answer(_ p: [Double], _ tokens: [[Double]]) -> [Double] {
    var x = tokens
    let epsilon = c.finalEpsilon ?? c.epsilon
    if c.hasFinalNorm, !c.normalizesAfterPooling { x = x.map { norm(p, "norm", $0, epsilon) } }
    if c.isDistilled, c.classCount > 0 {
      let logits = [("head", x[0]), ("head_dist", x[1])].map { linear(p, $0, $1, c.classCount) }
      return zip(logits[0], logits[1]).map { 0.5 * ($0 + $1) }
    }
    var pooled = pool(x)
    if let width = c.poolerWidth { pooled = linear(p, "pooler.dense", pooled, width).map(tanh) }
    if c.hasFinalNorm, c.normalizesAfterPooling { pooled = norm(p, "fc_norm", pooled, epsilon) }
    if c.hasHeadNorm { pooled = norm(p, "head_norm", pooled, c.epsilon) }
    return c.classCount == 0 ? pooled : linear(p, "head", pooled, c.classCount)
  }

  private func tokens(_ p: [Double], images: [Double], image: Int) -> [[Double]] {
    let (height, width) = (c.imageSize.height, c.imageSize.width)
    let (down, across) = (c.patchStride?.height ?? c.patchSize.height, c.patchStride?.width ?? c.patchSize.width)
    var x: [[Double]] = []
    if c.hasClassToken { x.append((0..<c.width).map { value(p, "cls_token", $0) }) }
    for register in 0..<c.registerTokens {
      x.append((0..<c.width).map { value(p, c.isDistilled ? "dist_token" : "reg_token", register * c.width + $0) })
    }
    for patch in 0..<c.patchCount {
      let area = c.grid.height * c.grid.width
      let (slice, row, column) = (patch / area, patch % area / c.grid.width, patch % area % c.grid.width)
      var pixels: [Double] = []
      for channel in 0..<c.channels {
        for frame in 0..<c.tubelet {
          let plane = (image * c.channels + channel) * c.frames + slice * c.tubelet + frame
          for y in 0..<c.patchSize.height {
            for z in 0..<c.patchSize.width {
              pixels.append(images[(plane * height + row * down + y) * width + column * across + z])
            }
          }
        }
      }
      x.append(linear(p, "patch_embed.proj", pixels, c.width))
    }
    let uncovered = c.prefixTokens - c.positionPrefix
    for token in uncovered..<x.count {
      for column in 0..<c.width { x[token][column] += value(p, "pos_embed", (token - uncovered) * c.width + column) }
    }
    return x
  }

  private func attention(_ p: [Double], _ block: String, _ x: [[Double]]) -> [[Double]] {
    let (heads, size) = (c.heads, c.headSize)
    let qkv = x.map { linear(p, block + ".attn.qkv", $0, 3 * c.width) }
    var attended = x
    for head in 0..<heads {
      func part(_ row: [Double], _ index: Int) -> ArraySlice<Double> {
        row[index * c.width + head * size..<index * c.width + (head + 1) * size]
      }
      for query in x.indices {
        let scores = qkv.map { row in
          zip(part(qkv[query], 0), part(row, 1)).reduce(0) { $0 + $1.0 * $1.1 } / Double(size).squareRoot()
        }
        let top = scores.max() ?? 0
        let powers = scores.map { exp($0 - top) }
        let total = powers.reduce(0, +)
        for column in 0..<size {
          attended[query][head * size + column] = zip(powers, qkv).reduce(0) {
            $0 + $1.0 / total * $1.1[2 * c.width + head * size + column]
          }
        }
      }
    }
    return attended.map { linear(p, block + ".attn.proj", $0, c.width) }
  }

  func pool(_ x: [[Double]]) -> [Double] {
    let patches = Array(x[c.prefixTokens...])
    func mean(_ rows: [[Double]]) -> [Double] {
      (0..<c.width).map { column in rows.reduce(0) { $0 + $1[column] } / Double(rows.count) }
    }
    let maximum = (0..<c.width).map { column in patches.map { $0[column] }.max() ?? 0 }
    switch c.pooling {
    case .token: return x[0]
    case .mean: return mean(patches)
    case .maximum: return maximum
    case .averageMaximum: return zip(mean(patches), maximum).map { 0.5 * ($0 + $1) }
    case .tokenAndMean: return x[0] + mean(patches)
    case .tokenAndMaximum: return x[0] + maximum
    case .prefixMean: return mean(Array(x[..<c.prefixTokens]))
    case .none: return c.hasClassToken ? x[0] : mean(patches)
    }
  }

  func norm(_ p: [Double], _ name: String, _ row: [Double], _ epsilon: Float) -> [Double] {
    let mean = row.reduce(0, +) / Double(row.count)
    let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)
    let inverse = 1 / (variance + Double(epsilon)).squareRoot()
    return row.indices.map {
      (row[$0] - mean) * inverse * value(p, name + ".weight", $0) + value(p, name + ".bias", $0)
    }
  }

  func linear(_ p: [Double], _ name: String, _ row: [Double], _ outputs: Int) -> [Double] {
    let weight = starts[name + ".weight"] ?? 0
    let bias = starts[name + ".bias"]
    var y = (0..<outputs).map { output in
      row.indices.reduce(bias.map { p[$0 + output] } ?? 0) { $0 + p[weight + output * row.count + $1] * row[$1] }
    }
    if name.hasSuffix("qkv"), c.qkvBias == .queryAndValue {
      let attention = name.dropLast("qkv".count)
      for column in 0..<c.width {
        y[column] += value(p, attention + "q_bias", column)
        y[2 * c.width + column] += value(p, attention + "v_bias", column)
      }
    }
    return y
  }

  func value(_ p: [Double], _ name: some StringProtocol, _ index: Int) -> Double {
    p[(starts[String(name)] ?? 0) + index]
  }
}
