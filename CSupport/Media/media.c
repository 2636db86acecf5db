#include "mp_media.h"
int mp_media_placeholder(void) { return 0; }
