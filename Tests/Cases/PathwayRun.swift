import MultimodalPathway
import PathwayKernels

/// A prepared case: `callAsFunction` does the work once, `output` is what it left.
public final class PathwayRun {
  /// What makes the passes, and their memory, where the case is one of a model's passes.
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
