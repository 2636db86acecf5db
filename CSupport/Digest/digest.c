#include "mp_digest.h"
int mp_digest_placeholder(void) { return 0; }
