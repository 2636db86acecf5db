// Temporary files that a signal removes. The handler may run while another thread notes or forgets one, and it may not
// take a lock: every place has a version, odd while it changes, and a path counts only if its version did not change
// while it was copied.
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mp_file.h"

enum { places = 64 };

typedef struct {
  atomic_uint version;
  /// Ends with 0; empty: the place is free.
  atomic_char path[PATH_MAX];
} mp_temporary;

static mp_temporary temporaries[places];
static pthread_mutex_t writers = PTHREAD_MUTEX_INITIALIZER;

static void set(mp_temporary *place, const char *path) {
  atomic_fetch_add(&place->version, 1);
  size_t at = 0;
  do atomic_store_explicit(&place->path[at], path[at], memory_order_relaxed);
  while (path[at++]);
  atomic_fetch_add(&place->version, 1);
}

int mp_note_temporary(const char *path) {
  if (strlen(path) >= PATH_MAX) return -1;
  int found = -1;
  pthread_mutex_lock(&writers);
  for (int number = 0; number < places && found < 0; number++) {
    if (atomic_load(&temporaries[number].path[0])) continue;
    set(&temporaries[number], path);
    found = number;
  }
  pthread_mutex_unlock(&writers);
  return found;
}

void mp_forget_temporary(int number) {
  if (number < 0) return;
  pthread_mutex_lock(&writers);
  set(&temporaries[number], "");
  pthread_mutex_unlock(&writers);
}

void mp_remove_temporaries(void) {
  int error = errno;
  // A directory takes a place before the files in it.
  for (int number = places - 1; number >= 0; number--) {
    mp_temporary *place = &temporaries[number];
    char path[PATH_MAX];
    unsigned before = atomic_load(&place->version);
    for (size_t at = 0; at < sizeof path; at++) {
      path[at] = atomic_load_explicit(&place->path[at], memory_order_relaxed);
      if (!path[at]) break;
    }
    atomic_thread_fence(memory_order_acquire);
    if (before % 2 || atomic_load(&place->version) != before || !path[0]) continue;
    if (unlink(path)) (void)rmdir(path);
  }
  errno = error;
}

static void remove_and_end(int number) {
  mp_remove_temporaries();
  // SA_RESETHAND has put the system's own action back.
  raise(number);
}

void mp_remove_temporaries_on(int number) {
  struct sigaction action;
  if (sigaction(number, NULL, &action) || action.sa_handler == SIG_IGN) return;
  memset(&action, 0, sizeof action);
  action.sa_handler = remove_and_end;
  action.sa_flags = SA_RESETHAND;
  sigaction(number, &action, NULL);
  // A parent may have it blocked for itself, as threads of libdispatch do, and its children inherit that.
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, number);
  pthread_sigmask(SIG_UNBLOCK, &blocked, NULL);
}
