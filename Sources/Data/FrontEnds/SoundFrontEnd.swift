import Foundation
import MultimodalPathway
import PathwayMedia

/// Sound, in windows of its spectrogram of (1, frames, bins) or (1, bins, frames) each.
public struct SoundFrontEnd: FrontEnd {
  /// Makes and normalises spectrograms.
  public let preprocessor: AudioPreprocessor
  /// Chooses the windows of a recording.
  public let coverage: AudioPreprocessor.Coverage
  /// Whether files of another rate are resampled; otherwise they are errors.
  public let resamples: Bool
  /// The channel that is read, from 1; nil: the mean of all.
  public let channel: Int?
  private let note: NoteHandler

  public let fileExtensions = [
    "wav", "flac", "ogg", "oga", "opus", "mp3", "aif", "aiff", "aifc", "au", "snd", "caf", "w64", "rf64",
  ]
  public var viewCount: Int? { coverage == .beginning ? 1 : nil }
  public var shape: [Int] { [1] + (isTransposed ? [bins, preprocessor.frames] : [preprocessor.frames, bins]) }

  private var bins: Int { preprocessor.bank.bins }
  private var isTransposed: Bool { preprocessor.recipe.layout == .melFirst }

  /// A front end with a recipe of spectrograms.
  public init(
    _ preprocessor: AudioPreprocessor, coverage: AudioPreprocessor.Coverage = .beginning, resamples: Bool = false,
    channel: Int? = nil, note: @escaping NoteHandler = { _ in }
  ) {
    self.preprocessor = preprocessor
    self.coverage = coverage
    self.resamples = resamples
    self.channel = channel
    self.note = note
  }

  /// All windows, in order of time.
  ///
  /// - Throws: `AudioFileError`, `MemoryError`; `DataError.notPrepared` for sound that is too short or too long.
  public func views(of file: URL) throws -> [Float] {
    let sound = try AudioFile.read(
      file, rate: preprocessor.recipe.rate, resamples: resamples, channel: channel, note: note)
    return try windows(sound, file.relativePath)
  }

  /// All windows of a recording in memory, in order of time.
  ///
  /// - Throws: as `views(of:)`.
  public func views(of data: Data, named name: String) throws -> [Float] {
    let sound = try AudioFile.decode(
      data, name: name, rate: preprocessor.recipe.rate, resamples: resamples, channel: channel, note: note)
    return try windows(sound, name)
  }

  private func windows(_ sound: Waveform, _ file: String) throws -> [Float] {
    do {
      return try preprocessor(sound, coverage)
    } catch let error as AudioError {
      throw DataError.notPrepared(file: file, reason: "\(error)")
    }
  }

  /// The first window, with a picture of its spectrogram: the quietest value is black, the loudest white.
  ///
  /// - Throws: as `views(of:)`; `DataError.spectrogramNotFinite`.
  public func preview(of file: URL) throws -> InputPreview {
    let window = Array(try views(of: file).prefix(preprocessor.valueCount))
    let (quietest, loudest) = (window.min() ?? 0, window.max() ?? 0)
    guard window.allSatisfy(\.isFinite), (loudest - quietest).isFinite else {
      throw DataError.spectrogramNotFinite(file: file.relativePath)
    }
    let range = loudest > quietest ? loudest - quietest : 1
    let rgb = window.flatMap { value in
      [UInt8](repeating: UInt8(min(255, max(0, 255 * (value - quietest) / range))), count: 3)
    }
    let picture = try PixelImage(extent: Extent(height: shape[1], width: shape[2]), rgb: rgb)
    return InputPreview(values: Tensor(window, shape: [1] + shape), pictures: [picture])
  }

  /// The picture with time to the right and low frequencies at the bottom.
  public func upright(_ picture: PixelImage) throws -> PixelImage {
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
