// What Linux has beyond POSIX for files, and what a signal handler may do to them.
#pragma once

/// Lets the disk begin with what is written so far, so that less is left to wait for at the end. Advice: nothing where
/// the system has no such call, and no error where it fails; fsync says what became of the bytes.
void mp_begin_flush(int descriptor);

/// Exchanges two names in one step: at no time is either missing. 0, or -1 with errno: EINVAL or ENOSYS where the file
/// system or the kernel cannot.
int mp_exchange(const char *one, const char *other);

/// Notes a temporary file or directory, so that a signal that ends the process can remove it.
///
/// Returns a number for `mp_forget_temporary`, or -1 where there is no room: then the next writer removes it.
int mp_note_temporary(const char *path);

/// Takes back what `mp_note_temporary` returned; -1 is allowed.
void mp_forget_temporary(int number);

/// Removes all temporary files and directories that are noted, the latest first. Async-signal-safe.
void mp_remove_temporaries(void);

/// From here on `signal`, no longer blocked in this thread, first removes the temporary files, then ends the process as
/// it would have; nothing changes where the process was started to ignore it.
void mp_remove_temporaries_on(int signal);
