import MultimodalPathway
import PathwayMedia
import PathwayTraining

/// The library's errors speak of its arguments; here they get the names of the options that set these.
extension Error {
  /// The error's text, followed by the options that do what it advises.
  var toolText: String { options.map { "\(self) (\($0))" } ?? "\(self)" }

  /// The error, told as `toolText` where options do what it advises.
  var namingOptions: any Error { options == nil ? self : ToolError(toolText) }

  private var options: String? {
    switch self as any Error {
    case let error as MemoryError:
      switch error.purpose {
      case .weights: "--precision"
      case .pass: "--batch, --image-size, --threads"
      case .results, .inputs: "--batch"
      case .start, .file, .verification: nil
      }
    case ConfigurationError.noArchitecture: "--architecture NAME"
    case PathwayError.depthMismatch: "--block-map 0:0,3:1"
    case PathwayError.biasMissing: "leave out --bias"
    case AudioFileError.noSuchChannel: "--channel N"
    case AudioFileError.rate: "--resample"
    case TrainingError.unreadable: "--skip-unreadable"
    case TrainingError.occupied: "--resume"
    case TrainingError.tooFewFiles: "--set batch=N"
    case TrainingError.diverged: "--set learning_rate=R, --set warmup_epochs=E, --set clip=1"
    default: nil
    }
  }
}
