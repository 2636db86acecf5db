import CSupport
import Foundation
import Synchronization

/// Whether SIGINT (Ctrl-C), SIGTERM or SIGHUP (a terminal that closes) asked the process to stop, for work that stops
/// between two of its steps. A second signal ends the process at once.
enum Interruption {
  private static let received = Atomic<Int32>(0)

  /// The signal that came, after `watch` was called.
  static var signal: Int32? {
    let number = received.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }

  /// From here on signals that end the process first remove its unfinished files, and a limit on the size of files is
  /// an error as a full disk is.
  static func removeTemporaries() {
    for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXCPU] { mp_remove_temporaries_on(number) }
    Foundation.signal(SIGXFSZ, SIG_IGN)
  }

  /// From here on the signals above only leave their number, unless the process was started to ignore them.
  static func watch() {
    // Made before a handler needs it, which must not allocate.
    _ = received.load(ordering: .relaxed)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      var old = sigaction()
      guard sigaction(number, nil, &old) == 0, !isIgnored(old) else { continue }
      Foundation.signal(number) { number in
        let before = Interruption.received.exchange(number, ordering: .relaxed)
        guard before != 0 else { return }
        Foundation.signal(number, SIG_DFL)
        mp_remove_temporaries()
        raise(number)
      }
    }
  }

  private static func isIgnored(_ action: sigaction) -> Bool {
    #if os(Linux)
      let handler = action.__sigaction_handler.sa_handler
    #else
      let handler = action.__sigaction_u.__sa_handler
    #endif
    return unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}
