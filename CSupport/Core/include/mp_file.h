// What Linux has beyond POSIX for files.
#pragma once

/// Lets the disk begin with what is written so far, so that less is left to wait for at the end. Advice: nothing where
/// the system has no such call, and no error where it fails; fsync says what became of the bytes.
void mp_begin_flush(int descriptor);
