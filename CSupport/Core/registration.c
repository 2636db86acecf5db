// LLVM's OpenMP runtime registers itself in a shared memory object named by the process number, and ends the process if
// another runtime is registered there. A process killed between creating its object and writing to it leaves the object
// empty. The runtime of a later process with the same number takes that for an unknown runtime and aborts
// (kmp_runtime.cpp, __kmp_register_library_startup); an object of no size ends in SIGBUS.
#ifdef __linux__
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/// Removes an empty registration of this process's number before anything can use OpenMP. One with text stays: it is a
/// live runtime's, or the runtime itself finds that its process is gone.
__attribute__((constructor)) static void remove_empty_registration(void) {
  char name[64];
  snprintf(name, sizeof name, "/__KMP_REGISTERED_LIB_%d_%d", (int)getpid(), (int)getuid());
  int object = shm_open(name, O_RDONLY | O_CLOEXEC, 0);
  if (object < 0)
    return;
  char first = 0;
  if (pread(object, &first, 1, 0) >= 0 && first == 0)
    shm_unlink(name);
  close(object);
}
#endif
