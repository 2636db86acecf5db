import Foundation
import MultimodalPathway
import PathwayData
import PathwayTraining
import TestSupport
import Testing

@Suite struct VideoSamplesTests {
  /// Folders `a` and `b` with a video each.
  private func files(in folder: URL, _ frontEnd: any FrontEnd) throws -> ClassFolders {
    for (name, video) in [("a", "h264.mp4"), ("b", "mpeg4.avi")] {
      let place = folder.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      try FileManager.default.copyItem(at: Fixture.url("video/\(video)"), to: place.appendingPathComponent(video))
    }
    return try ClassFolders(folder.path, frontEnd)
  }

  private func samples(_ folder: URL, _ change: (inout Recipe) -> Void) throws -> (VideoSamples, any FrontEnd) {
    let c = Models.video
    let clip = try #require(c.clip)
    let preprocessing = ImagePreprocessing.usual(for: c)
    let frontEnd = try c.frontEnd(recipe: preprocessing, engine: Engine(threads: 1))
    var recipe = Recipe()
    change(&recipe)
    return (try VideoSamples(files(in: folder, frontEnd), clip, preprocessing, recipe), frontEnd)
  }

  @Test func withoutAugmentationClipsAreInferences() throws {
    try Models.withFolder { folder in
      let (samples, frontEnd) = try samples(folder) { $0.augmentation = .none }
      #expect(samples.valueCount == 3 * 4 * 16 * 16 && samples.labels == [[0], [1]])
      for sample in 0..<2 {
        #expect(try Models.read(samples, sample) == frontEnd.views(of: URL(fileURLWithPath: samples.paths[sample])))
      }
    }
  }

  @Test func aMirroredClipIsMirroredInEveryFrame() throws {
    try Models.withFolder { folder in
      let (plain, _) = try samples(folder) { $0.flip = 0 }
      let mirrored = try samples(folder.appendingPathComponent("2")) { $0.flip = 1 }.0
      for place in 0..<5 {
        let (one, other) = try (Models.read(plain, 0, place: place), Models.read(mirrored, 0, place: place))
        for row in 0..<one.count / 16 {
          #expect(Array(one[16 * row..<16 * row + 16].reversed()) == Array(other[16 * row..<16 * row + 16]))
        }
      }
    }
  }

  /// The parts are drawn one after the other.
  @Test func aFileThatIsDecodedOnceGivesSeveralInputs() throws {
    try Models.withFolder { folder in
      let (one, _) = try samples(folder) { _ in }
      let three = try samples(folder.appendingPathComponent("2")) { $0.repeats = 3 }.0
      #expect(three.repeats == 3 && three.valueCount == one.valueCount)
      let inputs = try Models.read(three, 0)
      let parts = (0..<3).map { Array(inputs[$0 * one.valueCount..<($0 + 1) * one.valueCount]) }
      #expect(Set(parts).count == 3)
      #expect(try parts[0] == Models.read(one, 0))
      #expect(try Models.read(three, 0) == inputs)
    }
  }

  @Test func erasedPartsAreTheSameInAllFrames() throws {
    try Models.withFolder { folder in
      let (whole, _) = try samples(folder) { _ in }
      let erased = try samples(folder.appendingPathComponent("2")) { $0.erase = 1 }.0
      let (one, other) = try (Models.read(whole, 1), Models.read(erased, 1))
      let changed: [[Int]] = (0..<12).map { plane -> [Int] in
        let start = 256 * plane
        return (0..<256).filter { (pixel: Int) -> Bool in one[start + pixel] != other[start + pixel] }
      }
      #expect(!changed[0].isEmpty && changed.allSatisfy { $0 == changed[0] })
    }
  }
}
