import Foundation
import MultimodalPathway
import PathwayData
import PathwayTraining
import Testing

@Suite struct BatchReaderTests {
  /// Six pictures of 16 x 16, in two classes.
  private func samples(
    in folder: URL, _ augmentation: Recipe.Augmentation = .crop
  ) throws -> (PictureSamples, ClassFolders, PictureFrontEnd) {
    try Models.writePictures(in: folder, count: 3, seed: 1)
    let preprocessing = ImagePreprocessing(
      size: Extent(square: 16), geometry: .timm(cropFraction: 0.9, mode: .center), filter: .bicubic,
      mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5])
    let frontEnd = PictureFrontEnd(try ImagePreprocessor(preprocessing))
    let folders = try ClassFolders(folder.path, frontEnd)
    var recipe = Recipe()
    recipe.augmentation = augmentation
    return (try PictureSamples(folders, preprocessing, recipe), folders, frontEnd)
  }

  private func all(
    _ samples: PictureSamples, passes: Range<Int>, threads: Int, skips: Bool = false,
    _ unreadable: @escaping (String) -> Void = { _ in }
  ) throws -> [[Float]] {
    let order = try SampleOrder(count: samples.paths.count, batch: 2, accumulate: 1, seed: 4)
    let reader = try BatchReader(
      samples, order, seed: 4, passes: passes, threads: threads, skips: skips, unreadable: unreadable)
    return try passes.map { _ in
      let batch = try reader.next()
      let count = 2 * samples.valueCount
      return Array(UnsafeBufferPointer(start: batch.values, count: count)) + batch.labels.joined().map(Float.init)
    }
  }

  @Test func anyNumberOfThreadsReadsTheSame() throws {
    try Models.withFolder { folder in
      let (samples, _, _) = try samples(in: folder)
      let one = try all(samples, passes: 0..<9, threads: 1)
      #expect(try all(samples, passes: 0..<9, threads: 4) == one)
      #expect(Set(one.map(\.description)).count == 9)
    }
  }

  @Test func readingMayBeginAnywhere() throws {
    try Models.withFolder { folder in
      let (samples, _, _) = try samples(in: folder)
      let whole = try all(samples, passes: 0..<9, threads: 2)
      #expect(try all(samples, passes: 5..<9, threads: 2) == Array(whole[5...]))
    }
  }

  @Test func withoutAugmentationPicturesAreInferences() throws {
    try Models.withFolder { folder in
      let (samples, folders, frontEnd) = try samples(in: folder, .none)
      let order = try SampleOrder(count: 6, batch: 2, accumulate: 1, seed: 4)
      let read = try all(samples, passes: 0..<3, threads: 2)
      for pass in 0..<3 {
        let files = order(epoch: 0)[2 * pass..<2 * pass + 2]
        let expected = try files.flatMap { try frontEnd.views(of: URL(fileURLWithPath: folders.paths[$0])) }
        #expect(read[pass] == expected + files.map { Float(folders.labels[$0]) })
      }
    }
  }

  @Test func aFileThatCannotBeReadEndsTheRun() throws {
    try Models.withFolder { folder in
      let (samples, folders, _) = try samples(in: folder)
      try Data("no picture".utf8).write(to: URL(fileURLWithPath: folders.paths[4]))
      #expect {
        _ = try all(samples, passes: 0..<3, threads: 2)
      } throws: { error in
        guard case TrainingError.unreadable(let reason, 1) = error else { return false }
        return reason.contains(folders.paths[4])
      }
    }
  }

  @Test func theNextFileTakesThePlaceOfOneThatIsLeftOut() throws {
    try Models.withFolder { folder in
      let (samples, folders, frontEnd) = try samples(in: folder, .none)
      let order = try SampleOrder(count: 6, batch: 2, accumulate: 1, seed: 4)(epoch: 0)
      try Data("no picture".utf8).write(to: URL(fileURLWithPath: folders.paths[order[1]]))
      var named: [String] = []
      let read = try all(samples, passes: 0..<6, threads: 2, skips: true) { named.append($0) }
      #expect(named.count == 1 && named[0].contains(folders.paths[order[1]]))
      let expected = try [order[0], order[2]].flatMap {
        try frontEnd.views(of: URL(fileURLWithPath: folders.paths[$0]))
      }
      #expect(Array(read[0].dropLast(2)) == expected)
    }
  }

  @Test func filesOfWhichNoneCanBeReadEndTheRun() throws {
    try Models.withFolder { folder in
      let (samples, folders, _) = try samples(in: folder)
      for path in folders.paths { try Data("no picture".utf8).write(to: URL(fileURLWithPath: path)) }
      #expect(throws: TrainingError.self) { try all(samples, passes: 0..<3, threads: 2, skips: true) }
    }
  }

  @Test func theDigestIsOfNamesSizesAndClasses() throws {
    try Models.withFolder { folder in
      let (_, folders, frontEnd) = try samples(in: folder)
      let digest = try DataListing.digest(of: folders, in: folder.path)
      #expect(try DataListing.digest(of: ClassFolders(folder.path, frontEnd), in: folder.path) == digest)
      let file = URL(fileURLWithPath: folders.paths[0])
      let bytes = try Data(contentsOf: file)
      try (bytes + [0]).write(to: file)
      #expect(try DataListing.digest(of: ClassFolders(folder.path, frontEnd), in: folder.path) != digest)
      try bytes.write(to: file)
      #expect(try DataListing.digest(of: ClassFolders(folder.path, frontEnd), in: folder.path) == digest)
      try FileManager.default.moveItem(at: file, to: folder.appendingPathComponent("b/new.png"))
      #expect(try DataListing.digest(of: ClassFolders(folder.path, frontEnd), in: folder.path) != digest)
    }
  }
}
