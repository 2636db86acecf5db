import MultimodalPathway
import PathwayKernels

/// A prepared case: `callAsFunction` does the work once, `output` is its result.
public final class PathwayRun {
  /// The model and its workspace, for a case of forward passes.
  public let pass: (model: VisionTransformer, workspace: Workspace)?
  private let memory: FloatBuffer
  private let count: Int
  private let body: (FloatBuffer) throws -> Void

  init(
    outputCount: Int, pass: (model: VisionTransformer, workspace: Workspace)? = nil,
    _ body: @escaping (FloatBuffer) throws -> Void
  ) {
    self.pass = pass
    memory = FloatBuffer(count: outputCount)
    count = outputCount
    self.body = body
  }

  public func callAsFunction() throws { try body(memory) }

  public var output: [Float] {
    defer { withExtendedLifetime(memory) {} }
    return Array(UnsafeBufferPointer(start: memory.base, count: count))
  }
}
