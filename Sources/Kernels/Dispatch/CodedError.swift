import Foundation

/// An error of this package.
///
/// Every error type that the package's libraries declare conforms. Match the type and its case to act on an error, the
/// code to count or to translate errors, and show the description to people.
///
/// The description says what was found, what was expected and what to do. It is one line: characters of file names or
/// file contents that a terminal would act on are escaped. It is also the `localizedDescription`. Its words may change
/// with any release.
public protocol CodedError: LocalizedError, CustomStringConvertible, Sendable {
  /// An identifier, such as `checkpoint.unreadable`: the kind of object, a dot and what is wrong with it, in lowercase
  /// letters and hyphens. It is unique in the package and stable within a major version; minor versions may add codes.
  var code: String { get }
}

extension CodedError {
  /// The description.
  public var errorDescription: String? { description }
}
