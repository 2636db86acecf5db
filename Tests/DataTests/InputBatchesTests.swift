import Foundation
import MultimodalPathway
import PathwayData
import PathwayMedia
import TestSupport
import Testing

/// Batches of files: their order, their bits, and files that cannot be read.
@Suite struct InputBatchesTests {
  private struct Stop: Error {}

  /// Views and values of all batches, one after the other.
  private struct Everything: Equatable {
    var views: [InputBatches.View] = []
    var values: [Float] = []
    var sizes: [Int] = []
  }

  private func read(
    _ frontEnd: any FrontEnd, _ paths: [String], size: Int, threads: Int = 2,
    unreadable: (Int, any Error) throws -> Void = { throw $1 }
  ) throws -> Everything {
    var all = Everything()
    let batches = InputBatches(frontEnd: frontEnd, engine: try Engine(threads: threads), size: size)
    try batches.forEach(paths, unreadable: unreadable) { batch in
      #expect(batch.values.shape == [batch.views.count] + frontEnd.shape)
      all.views += batch.views
      all.values += try batch.values.float32()
      all.sizes.append(batch.views.count)
    }
    return all
  }

  @Test func batchesHaveTheFilesOrderAndBits() throws {
    try Inputs.withFolder { folder in
      let frontEnd = try Inputs.pictureModel().frontEnd(engine: Engine(threads: 1))
      let paths = (0..<5).map { folder.appendingPathComponent("\($0).png").path }
      for (seed, path) in paths.enumerated() {
        try Inputs.writePicture(UInt64(seed), to: URL(fileURLWithPath: path))
      }
      let expected = try paths.flatMap { try frontEnd.views(of: URL(fileURLWithPath: $0)) }
      for (size, sizes) in [(1, [1, 1, 1, 1, 1]), (2, [2, 2, 1]), (8, [5]), (0, [1, 1, 1, 1, 1])] {
        for threads in [1, 2] {
          let found = try read(frontEnd, paths, size: size, threads: threads)
          #expect(found.values == expected && found.sizes == sizes)
          #expect(found.views.map(\.file) == [0, 1, 2, 3, 4] && found.views.allSatisfy(\.isLast))
        }
      }
    }
  }

  @Test func filesThatCannotBeReadAreSkippedOrStopTheReading() throws {
    try Inputs.withFolder { folder in
      let frontEnd = try Inputs.pictureModel().frontEnd(engine: Engine(threads: 1))
      let paths = ["a.png", "bad.jpg", "missing.png", "d.png"].map { folder.appendingPathComponent($0).path }
      for index in [0, 3] { try Inputs.writePicture(UInt64(index), to: URL(fileURLWithPath: paths[index])) }
      try Data("no picture".utf8).write(to: URL(fileURLWithPath: paths[1]))
      var refused: [Int] = []
      let found = try read(frontEnd, paths, size: 2) { file, reason in
        refused.append(file)
        #expect("\(reason)".contains(paths[file]))
      }
      #expect(refused == [1, 2] && found.views.map(\.file) == [0, 3])
      #expect(throws: MediaError.self) { try read(frontEnd, paths, size: 2) }
    }
  }

  /// Windows of a file may be in several batches; their number differs between files.
  @Test func theLastViewOfEveryFileIsMarked() throws {
    try Inputs.withFolder { folder in
      var settings = FrontEndSettings()
      settings.hop = 0.16
      let frontEnd = try Inputs.soundModel().frontEnd(settings: settings, engine: Engine(threads: 1))
      #expect(frontEnd.viewCount == nil)
      // 80 frames: windows of 32 begin at 0, 16, 32 and 48. 32 frames: one window.
      let paths = [400 + 160 * 79, 400 + 160 * 31].map { samples in
        folder.appendingPathComponent("\(samples).wav").path
      }
      for (path, samples) in zip(paths, [400 + 160 * 79, 400 + 160 * 31]) {
        try Inputs.writeSound(samples, seed: 3, to: URL(fileURLWithPath: path))
      }
      let found = try read(frontEnd, paths, size: 3)
      #expect(found.views.map(\.file) == [0, 0, 0, 0, 1])
      #expect(found.views.map(\.isLast) == [false, false, false, true, true])
      #expect(found.sizes == [3, 2] || found.sizes == [3, 1, 1])
      #expect(try read(frontEnd, paths, size: 1).values == found.values)
    }
  }

  @Test func readingStopsWhereTheCallerThrows() throws {
    try Inputs.withFolder { folder in
      let frontEnd = try Inputs.pictureModel().frontEnd(engine: Engine(threads: 1))
      let path = folder.appendingPathComponent("a.png").path
      try Inputs.writePicture(1, to: URL(fileURLWithPath: path))
      var (reads, bodies) = (0, 0)
      let batches = InputBatches(frontEnd: frontEnd, engine: try Engine(threads: 1), size: 1)
      #expect(throws: Stop.self) {
        try batches.forEach(
          [path, path, path],
          willRead: {
            reads += 1
            if reads == 3 { throw Stop() }
          }
        ) { _ in bodies += 1 }
      }
      #expect(reads == 3 && bodies == 2)
    }
  }

  @Test func valuesThatAreNotFiniteAreErrors() throws {
    try Inputs.withFolder { folder in
      let file = folder.appendingPathComponent("a.png")
      try Inputs.writePicture(1, to: file)
      var recipe = ImagePreprocessing.usual(for: try Inputs.pictureModel())
      recipe.std = [.leastNonzeroMagnitude, 1, 1]
      let frontEnd = try Inputs.pictureModel().frontEnd(recipe: recipe, engine: Engine(threads: 1))
      #expect(throws: DataError.notFinite(file: file.path)) { try read(frontEnd, [file.path], size: 1) }
    }
  }

  @Test func batchesAreNoLargerThanTheirFilesNeed() throws {
    var settings = FrontEndSettings()
    (settings.segments, settings.crops) = (5, 3)
    let engine = try Engine(threads: 1)
    let videos = InputBatches(
      frontEnd: try Inputs.videoModel().frontEnd(settings: settings, engine: engine), engine: engine, size: 64)
    #expect(videos.mostViews(files: 1) == 15 && videos.mostViews(files: 5) == 64 && videos.mostViews(files: 0) == 1)
    #expect(videos.mostViews(files: .max) == 64)
  }
}
