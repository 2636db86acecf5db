#include "mp_media.h"

#include <stdlib.h>

void mp_media_free(void *memory) { free(memory); }
