#include "mp_lapack.h"
int mp_lapack_placeholder(void) { return 0; }
