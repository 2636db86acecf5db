import CMediaSupport
import Foundation
import MultimodalPathway

/// A video file on disk, read by FFmpeg's libraries: MP4 and QuickTime, Matroska and WebM, AVI, MPEG, Ogg, FLV, GIF.
/// Frames are numbered in display order; times are ignored.
///
/// Memory is that of a frame and of the decoder, whatever the length of the file. If the task is cancelled, functions
/// throw `CancellationError`.
public struct VideoFile: Sendable {
  /// The file.
  public let url: URL
  /// Limits of the file.
  public let limits: VideoLimits
  /// Frames of the file, counted by reading all of it without decoding. Formats with packets that are never shown
  /// (VP8's golden frames) have fewer; `forEachFrame` returns their number.
  public let frameCount: Int
  /// Notes on the file.
  public let notes: [MediaNote]

  /// Opens a video and counts its frames.
  ///
  /// - Throws: `VideoError`; `CancellationError`.
  /// - Complexity: O(bytes of the file).
  public init(_ url: URL, limits: VideoLimits = VideoLimits()) throws {
    var notes = try Self.check(url, limits)
    self.url = url
    self.limits = limits
    var count: UInt64 = 0
    frameCount = try Self.withReader(url, limits) { reader, report in
      guard mp_video_count(reader, &count, &report) == mp_media_ok else { throw Self.error(report, url) }
      if !report.text.isEmpty { notes.append(MediaNote(file: url.path, report.text)) }
      return Int(count)
    }
    self.notes = notes
    guard frameCount > 0 else { throw VideoError.noFrames(file: url.path) }
  }

  /// Decodes the frames up to the last of `indices`, converts those of `indices` to upright RGB, and calls `body` with
  /// each and its index, in ascending order.
  ///
  /// - Parameter indices: ascending, each from 0 to below `frameCount`.
  /// - Returns: the number of frames if the file ends before the last of `indices`, else nil.
  /// - Throws: `VideoError`; `CancellationError`; what `body` throws.
  public func forEachFrame(
    _ indices: some Sequence<Int>, _ body: (_ index: Int, PixelImage) throws -> Void
  ) throws -> Int? {
    try Self.withReader(url, limits) { reader, report in
      let orientation = ImageOrientation(rawValue: Int(mp_video_orientation(reader))) ?? .topLeft
      var next = 0
      for index in indices {
        while next <= index {
          switch mp_video_next(reader, &report) {
          case mp_media_ok: next += 1
          case mp_media_end:
            if next == 0 { throw VideoError.noFrames(file: url.path) }
            return next
          default: throw Self.error(report, url)
          }
        }
        let extent = Extent(height: Int(mp_video_height(reader)), width: Int(mp_video_width(reader)))
        let frame = try PixelImage(extent: extent) { samples in
          // SAFETY: `samples` has 3 bytes for every pixel of the frame.
          guard mp_video_rgb(reader, samples.baseAddress, &report) == mp_media_ok else { throw Self.error(report, url) }
        }
        try body(index, frame.upright(from: orientation))
      }
      return nil
    }
  }

  private static func withReader<Result>(
    _ url: URL, _ limits: VideoLimits, _ body: (OpaquePointer, inout mp_media_report) throws -> Result
  ) throws -> Result {
    var report = mp_media_report()
    var native = mp_video_limits(
      pixels: UInt64(clamping: limits.pixels), frames: UInt64(clamping: limits.frames),
      probe_bytes: UInt64(clamping: min(max(limits.probeBytes, 2048), 1 << 30)),
      streams: UInt32(clamping: limits.streams))
    guard let reader = mp_video_open(url.path, &native, { _ in Task.isCancelled ? 1 : 0 }, &report) else {
      throw error(report, url)
    }
    defer { mp_video_close(reader) }
    return try body(reader, &report)
  }

  /// The checks that need no library.
  private static func check(_ url: URL, _ limits: VideoLimits) throws -> [MediaNote] {
    let values: URLResourceValues
    do {
      values = try URL(fileURLWithPath: url.path).resourceValues(forKeys: [.isRegularFileKey, .fileSizeKey])
    } catch {
      throw VideoError.unreadable(file: url.path, reason: ImageFile.reason(for: error))
    }
    guard values.isRegularFile == true else {
      throw VideoError.unreadable(file: url.path, reason: "not a regular file")
    }
    if values.fileSize == 0 { throw VideoError.empty(file: url.path) }
    do {
      let data = try Data(contentsOf: URL(fileURLWithPath: url.path), options: .alwaysMapped)
      return try check(data, name: url.path, limits: limits)
    } catch let error as VideoError {
      throw error
    } catch {
      throw VideoError.unreadable(file: url.path, reason: ImageFile.reason(for: error))
    }
  }

  /// Checks the structure of a video in memory without decoding it: whether it is complete, its tables declare no more
  /// than it has, its checksums are right, and no other file follows.
  ///
  /// - Parameters:
  ///   - name: the name of the file in errors.
  ///   - limits: only the number of streams is used.
  /// - Returns: notes on the file.
  /// - Throws: `VideoError`.
  /// - Complexity: O(bytes) at most, without a library.
  public static func check(
    _ data: Data, name: String, limits: VideoLimits = VideoLimits()
  ) throws -> [MediaNote] {
    // SAFETY: the bytes are not kept.
    try data.withUnsafeBytes {
      try VideoContainer.check($0, name: name, streams: Int(UInt32(clamping: limits.streams)))
    }
  }

  private static func error(_ report: mp_media_report, _ url: URL) -> any Error {
    let file = url.path
    let found = report.found == 0 ? nil : Int(clamping: report.found)
    let limit = Int(clamping: report.limit)
    return switch report.status {
    case mp_media_cancelled: CancellationError()
    case mp_media_no_library: VideoError.noLibrary(file: file, reason: report.text)
    case mp_media_no_stream: VideoError.notAVideo(file: file, finding: report.text)
    case mp_media_unsupported: VideoError.unsupported(file: file, finding: report.text)
    case mp_media_truncated: VideoError.truncated(file: file, finding: report.text)
    case mp_media_too_many_pixels:
      VideoError.limitExceeded(file: file, quantity: .pixels, found: found, limit: limit)
    case mp_media_too_many_frames:
      VideoError.limitExceeded(file: file, quantity: .frames, found: nil, limit: limit)
    case mp_media_too_many_bytes:
      VideoError.limitExceeded(file: file, quantity: .decoderBytes, found: found, limit: limit)
    default: VideoError.damaged(file: file, finding: report.text)
    }
  }
}
