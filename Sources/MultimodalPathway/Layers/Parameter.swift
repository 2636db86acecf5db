/// A tensor of a model, as its layer declares it: timm's name, shape and role.
public struct Parameter: Sendable, Hashable {
  /// What a parameter is for. It decides how the parameter is initialised and whether training changes or decays it.
  public enum Role: String, Sendable, CaseIterable {
    /// Matrix of a linear layer, (out, in), or kernel of a convolution, (out, in, ...).
    case weight
    /// Added to every output of a layer, or the shift of a norm.
    case bias
    /// Multiplies a channel: the gain of a norm, or LayerScale.
    case gain
    /// Class token, register tokens and positions.
    case embedding
    /// Running mean of a batch norm. Not trained.
    case mean
    /// Running variance of a batch norm. Not trained.
    case variance
  }

  /// The name on disk, `blocks.0.attn.qkv.weight`.
  public let name: String
  /// Rows first, as PyTorch stores it.
  public let shape: [Int]
  /// What the parameter is for.
  public let role: Role

  /// A declaration; no values.
  public init(name: String, shape: [Int], role: Role) {
    self.name = name
    self.shape = shape
    self.role = role
  }

  /// Number of elements.
  public var count: Int { shape.reduce(1, *) }
}

/// Hands layers their parameters while they are made, and keeps the list in the order of their making.
///
/// A scope is a path in the tree of layers. `scope("blocks.0")("attn")` names the parameters of that layer
/// `blocks.0.attn.*`; all scopes of a tree share one list.
package struct ParameterScope {
  private final class List {
    var parameters: [Parameter] = []
  }

  /// The name of the layer, without a trailing point; empty at the root.
  let path: String
  private let list: List

  package init() {
    path = ""
    list = List()
  }

  private init(path: String, list: List) {
    self.path = path
    self.list = list
  }

  /// The scope of a part of this layer.
  func callAsFunction(_ name: String) -> ParameterScope { ParameterScope(path: full(name), list: list) }

  /// The scope of the layer that this one is part of.
  var parent: ParameterScope {
    ParameterScope(path: String(path[..<(path.lastIndex(of: ".") ?? path.startIndex)]), list: list)
  }

  /// Declares a parameter of this layer.
  func parameter(_ name: String, _ shape: [Int], _ role: Parameter.Role) -> Parameter {
    let parameter = Parameter(name: full(name), shape: shape, role: role)
    list.parameters.append(parameter)
    return parameter
  }

  /// What all layers of the tree have declared so far.
  var parameters: [Parameter] { list.parameters }

  private func full(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
}
