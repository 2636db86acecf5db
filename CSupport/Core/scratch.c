#include "mp_scratch.h"

float *mp_tile_scratch(void) {
  _Alignas(64) static _Thread_local float scratch[mp_tile_scratch_count];
  return scratch;
}
