import Foundation
import MultimodalPathway
import PathwayData
import PathwayTraining
import Testing

/// Runs that go on by themselves.
@Suite struct TrainingSessionTests {
  /// A trainer of `epochs` epochs of three steps, and the folder of its files, which the caller removes.
  private func trainer(_ folder: URL, epochs: Int) throws -> Trainer {
    let data = folder.appendingPathComponent("data")
    try Models.writePictures(in: data, count: 6, seed: 1)
    let frontEnd = PictureFrontEnd(try ImagePreprocessor(.usual(for: Models.configuration)))
    var recipe = Recipe()
    (recipe.epochs, recipe.batch, recipe.learningRate) = (epochs, 4, 2e-3)
    return try Trainer(
      Models.joined(scale: 0), on: ClassFolders(data.path, frontEnd), in: data.path, recipe: recipe, engine: Engine())
  }

  private func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    return folder
  }

  @Test func eventsAreThoseOfTheRun() async throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    var expected: [String] = []
    try trainer(folder, epochs: 2).run(in: folder.appendingPathComponent("run")) { expected.append("\($0)") }
    let session = TrainingSession(try trainer(folder, epochs: 2), in: folder.appendingPathComponent("session"))
    var events: [String] = []
    for try await event in session { events.append("\(event)") }
    #expect(events == expected && events.count == 8)
    #expect(try await session.outcome == .finished)
  }

  @Test func aCancelledTaskEndsTheRunSaved() async throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = folder.appendingPathComponent("run")
    let session = TrainingSession(try trainer(folder, epochs: 10_000), in: run)
    let (steps, first) = AsyncStream.makeStream(of: Void.self)
    let consumer = Task {
      for try await _ in session { first.yield() }
    }
    for await _ in steps { break }
    consumer.cancel()
    guard case .stopped(let step) = try await session.outcome else {
      Issue.record("the run was not stopped")
      return
    }
    #expect(step > 0)
    let resumed = TrainingSession(try trainer(folder, epochs: 10_000), in: run, resuming: true)
    var next: Int?
    for try await event in resumed {
      if case .step(let number, _, _) = event { next = number }
      break
    }
    resumed.stop()
    guard case .stopped = try await resumed.outcome else {
      Issue.record("the resumed run was not stopped")
      return
    }
    #expect(next == step + 1)
  }

  @Test func errorsReachTheSequenceAndTheOutcome() async throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let session = TrainingSession(try trainer(folder, epochs: 1), in: folder.appendingPathComponent("data"))
    await #expect(throws: TrainingError.self) {
      for try await _ in session {}
    }
    await #expect(throws: TrainingError.self) { _ = try await session.outcome }
  }
}
