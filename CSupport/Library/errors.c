#include "mp_library.h"
#include <string.h>

// Of every thread its own: a call's error is read by the thread that made it.
static _Thread_local char last_code[64];
static _Thread_local char last_text[4096];

static void copy(char *to, size_t room, const char *from) {
  size_t count = strlen(from);
  if (count >= room) {
    count = room - 1;
    // A character of several bytes is left out whole.
    while (count > 0 && ((unsigned char)from[count] & 0xC0) == 0x80)
      count--;
  }
  memcpy(to, from, count);
  to[count] = 0;
}

void mp_library_set_error(const char *code, const char *text) {
  copy(last_code, sizeof last_code, code);
  copy(last_text, sizeof last_text, text);
}

const char *m2pt_error_code(void) { return last_code; }
const char *m2pt_error_text(void) { return last_text; }
