import Foundation
import MultimodalPathway
import PathwayMedia

/// Sound, heard in windows of its spectrogram.
struct SoundFrontEnd: FrontEnd {
  let preprocessor: AudioPreprocessor
  let coverage: AudioPreprocessor.Coverage
  /// Whether files of another rate are resampled.
  let resamples: Bool
  /// The channel that is heard, from 1; nil for the mean of all.
  let channel: Int?

  let endings = ["wav", "flac", "ogg", "oga", "opus", "mp3", "aif", "aiff", "aifc", "au", "snd", "caf", "w64", "rf64"]
  var viewCount: Int? { coverage == .beginning ? 1 : nil }
  var shape: [Int] { [1] + (isTransposed ? [bins, preprocessor.frames] : [preprocessor.frames, bins]) }

  private var bins: Int { preprocessor.bank.bins }
  private var isTransposed: Bool { preprocessor.recipe.layout == .melFirst }

  func views(_ file: URL) throws -> [Float] {
    let sound = try AudioFile.read(
      file, rate: preprocessor.recipe.rate, resamples: resamples, channel: channel, note: { report("\($0)") })
    do {
      return try preprocessor(sound, coverage)
    } catch let error as AudioError {
      throw ToolError("\(file.relativePath): \(error)")
    }
  }

  /// The first window; its spectrogram from the quietest value, black, to the loudest, white.
  func view(_ file: URL, _ c: VisionTransformerConfiguration) throws -> (values: Tensor, pictures: [PixelImage]) {
    let window = Array(try views(file).prefix(preprocessor.valueCount))
    let (quietest, loudest) = (window.min() ?? 0, window.max() ?? 0)
    guard window.allSatisfy(\.isFinite), (loudest - quietest).isFinite else {
      throw ToolError(
        "\(file.relativePath): the normalized spectrogram is not finite; check mean and std of the model's configuration")
    }
    let range = loudest > quietest ? loudest - quietest : 1
    let rgb = window.flatMap { value in
      [UInt8](repeating: UInt8(min(255, max(0, 255 * (value - quietest) / range))), count: 3)
    }
    return (Tensor(window, shape: [1] + shape), [try PixelImage(extent: c.imageSize, rgb: rgb)])
  }

  /// Time to the right, low tones below.
  func upright(_ picture: PixelImage) throws -> PixelImage {
    let (frames, bins) = (preprocessor.frames, bins)
    var rgb: [UInt8] = []
    rgb.reserveCapacity(picture.rgb.count)
    for bin in (0..<bins).reversed() {
      for frame in 0..<frames {
        let pixel = 3 * (isTransposed ? bin * frames + frame : frame * bins + bin)
        rgb += picture.rgb[pixel..<pixel + 3]
      }
    }
    return try PixelImage(extent: Extent(height: bins, width: frames), rgb: rgb)
  }
}
