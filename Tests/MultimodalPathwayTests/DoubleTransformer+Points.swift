import Foundation
import MultimodalPathway

/// Point transformers in training, from the definitions of Point-MAE and PyTorch's `BatchNorm1d`.
extension DoubleTransformer {
  /// Logits of every cloud, (B, classes) or (B, P, classes), of clouds, (B, P, 3).
  func pointLogits(_ p: [Double], clouds: [Double], batch: Int) -> [Double] {
    guard let points = c.points else { return [] }
    let all: [[[Double]]] = (0..<batch).map { cloud in
      (0..<points.points).map { index in
        let first = (cloud * points.points + index) * 3
        return Array(clouds[first..<first + 3])
      }
    }
    let centers = all.map { farthest($0, points) }
    let groups: [[[Double]]] = zip(all, centers).flatMap { cloud, centers in
      centers.map { center in
        nearest(center, cloud, points.groupSize).map { zip(cloud[$0], center).map { $0 - $1 } }
      }
    }
    let tokens = pointTokens(p, groups)
    let encoded = (0..<batch).map { cloud in
      let positions = centers[cloud].map { center in
        let hidden = linear(p, "pos_embed.0", center, points.positionWidth)
        return linear(p, "pos_embed.2", hidden.map { 0.5 * $0 * erfc(-$0 * 0.5.squareRoot()) }, c.width)
      }
      func prefix(_ name: String) -> [[Double]] {
        c.hasClassToken ? [(0..<c.width).map { value(p, name, $0) }] : []
      }
      return blocks(
        p, prefix("cls_token") + tokens[cloud * points.groups..<(cloud + 1) * points.groups], image: cloud,
        batch: batch, positions: prefix("cls_pos") + positions)
    }
    func normed(_ cloud: Int, _ block: Int) -> [[Double]] {
      encoded[cloud][block].map { norm(p, "norm", $0, c.epsilon) }
    }
    switch c.head {
    case .parts(let parts):
      let features = (0..<batch).map { cloud in
        let blocks = parts.featureBlocks.map { normed(cloud, $0) }
        return blocks[0].indices.map { token in blocks.flatMap { $0[token] } }
      }
      return partLogits(p, parts, all, centers, features)
    case .points(let widths):
      var rows = (0..<batch).map { pool(normed($0, c.depth - 1)) }
      if c.classCount == 0 { return rows.flatMap { $0 } }
      for (index, width) in widths.enumerated() {
        rows = rows.map { linear(p, "cls_head_finetune.\(4 * index)", $0, width) }
        rows = batchNorm(p, "cls_head_finetune.\(4 * index + 1)", rows)
      }
      return rows.flatMap { linear(p, "cls_head_finetune.\(4 * widths.count)", $0, c.classCount) }
    default: return []
    }
  }

  private func farthest(_ cloud: [[Double]], _ points: PointConfiguration) -> [[Double]] {
    var distances: [Double] = cloud.map { square($0, [0, 0, 0]) <= 1e-3 && points.skipsOrigin ? -1 : .infinity }
    var chosen = [0]
    while chosen.count < points.groups {
      for index in cloud.indices {
        distances[index] = min(distances[index], square(cloud[index], cloud[chosen.last ?? 0]))
      }
      chosen.append(cloud.indices.max { distances[$0] < distances[$1] } ?? 0)
    }
    return chosen.map { cloud[$0] }
  }

  private func nearest(_ place: [Double], _ points: [[Double]], _ count: Int) -> [Int] {
    Array(points.indices.sorted { square(points[$0], place) < square(points[$1], place) }.prefix(count))
  }

  private func square(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
  }

  private func maximum(_ rows: [[Double]]) -> [Double] {
    rows[0].indices.map { column in rows.map { $0[column] }.max() ?? 0 }
  }

  /// Tokens of all groups of a batch.
  private func pointTokens(_ p: [Double], _ groups: [[[Double]]]) -> [[Double]] {
    guard let e = c.points?.encoderWidths else { return [] }
    let size = groups[0].count
    func maxima(_ rows: [[Double]]) -> [[Double]] {
      groups.indices.map { maximum(Array(rows[$0 * size..<($0 + 1) * size])) }
    }
    var rows = groups.flatMap { $0 }.map { linear(p, "encoder.first_conv.0", $0, e[0]) }
    rows = batchNorm(p, "encoder.first_conv.1", rows).map { linear(p, "encoder.first_conv.3", $0, e[1]) }
    let tops = maxima(rows)
    rows = rows.enumerated().map { linear(p, "encoder.second_conv.0", tops[$0 / size] + $1, e[2]) }
    rows = batchNorm(p, "encoder.second_conv.1", rows).map { linear(p, "encoder.second_conv.3", $0, c.width) }
    return maxima(rows)
  }

  /// Log-probabilities of clouds whose categories are `TrainingCase.category(of:)`.
  private func partLogits(
    _ p: [Double], _ parts: PartConfiguration, _ clouds: [[[Double]]], _ centers: [[[Double]]],
    _ features: [[[Double]]]
  ) -> [Double] {
    let count = clouds[0].count
    let oneHot = clouds.indices.map { cloud in
      parts.categories.indices.map { $0 == TrainingCase.category(of: cloud) ? 1.0 : 0 }
    }
    let embeddings = batchNorm(
      p, "label_conv.1", oneHot.map { linear(p, "label_conv.0", $0, parts.categoryWidth) }, slope: 0.2)
    var rows: [[Double]] = clouds.indices.flatMap { cloud in
      clouds[cloud].map { point -> [Double] in
        let (own, places) = (features[cloud], centers[cloud])
        let order = nearest(point, places, 3)
        let shares = order.map { 1 / (square(point, places[$0]) + 1e-8) }
        let total = shares.reduce(0, +)
        var mixed = [Double](repeating: 0, count: own[0].count)
        for (center, share) in zip(order, shares) {
          for column in mixed.indices { mixed[column] += own[center][column] * share / total }
        }
        return point + mixed
      }
    }
    for (index, width) in (parts.propagationWidths ?? []).enumerated() {
      rows = batchNorm(
        p, "propagation_0.mlp_bns.\(index)", rows.map { linear(p, "propagation_0.mlp_convs.\(index)", $0, width) })
    }
    rows = rows.enumerated().map { index, row -> [Double] in
      let own = features[index / count]
      let mean = own[0].indices.map { column in own.reduce(0.0) { $0 + $1[column] } / Double(own.count) }
      return row + maximum(own) + mean + embeddings[index / count]
    }
    for (index, width) in parts.pointWidths.enumerated() {
      rows = batchNorm(p, "bns\(index + 1)", rows.map { linear(p, "convs\(index + 1)", $0, width) })
    }
    return rows.flatMap { row in
      let logits = linear(p, "convs3", row, c.classCount)
      let total = logits.reduce(0) { $0 + exp($1) }
      return logits.map { $0 - log(total) }
    }
  }

  private func batchNorm(_ p: [Double], _ name: String, _ rows: [[Double]], slope: Double = 0) -> [[Double]] {
    let count = Double(rows.count)
    var result = rows
    for column in rows[0].indices {
      let mean = rows.reduce(0) { $0 + $1[column] } / count
      let variance = rows.reduce(0) { $0 + ($1[column] - mean) * ($1[column] - mean) } / count
      let scale = value(p, name + ".weight", column) / (variance + 1e-5).squareRoot()
      for row in rows.indices {
        let y = scale * (rows[row][column] - mean) + value(p, name + ".bias", column)
        result[row][column] = y > 0 ? y : slope * y
      }
    }
    return result
  }
}
