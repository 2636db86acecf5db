#ifndef MP_LIBRARY_H
#define MP_LIBRARY_H

#include "m2pt.h"

/// Keeps the error of this thread's present call for m2pt_error_code and m2pt_error_text.
void mp_library_set_error(const char *code, const char *text);

#endif
