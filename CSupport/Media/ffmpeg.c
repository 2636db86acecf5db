#include "ffmpeg.h"

#include <dlfcn.h>
#include <pthread.h>

#include "report.h"

#ifdef __APPLE__
#define MP_FILE(name, version) "lib" name "." AV_STRINGIFY(version) ".dylib"
#else
#define MP_FILE(name, version) "lib" name ".so." AV_STRINGIFY(version)
#endif

mp_ffmpeg_functions mp_ffmpeg;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char problem[sizeof((mp_media_report *)0)->message];

static void *open_library(const char *file) {
  void *library = dlopen(file, RTLD_LAZY | RTLD_LOCAL);
  if (!library && !problem[0]) snprintf(problem, sizeof problem, "%s", dlerror());
  return library;
}

static void *find(void *library, const char *function) {
  void *address = library ? dlsym(library, function) : NULL;
  if (!address && !problem[0]) snprintf(problem, sizeof problem, "%s is not in FFmpeg's libraries", function);
  return address;
}

static void load(void) {
  void *avutil = open_library(MP_FILE("avutil", LIBAVUTIL_VERSION_MAJOR));
  void *avcodec = open_library(MP_FILE("avcodec", LIBAVCODEC_VERSION_MAJOR));
  void *avformat = open_library(MP_FILE("avformat", LIBAVFORMAT_VERSION_MAJOR));
  void *swscale = open_library(MP_FILE("swscale", LIBSWSCALE_VERSION_MAJOR));
#define MP_FIND(library, function) mp_ffmpeg.function = (__typeof__(&function))find(library, #function);
  MP_FFMPEG_FUNCTIONS(MP_FIND)
#undef MP_FIND
}

mp_media_status mp_ffmpeg_load(mp_media_report *report) {
  pthread_once(&once, load);
  return mp_report(report, problem[0] ? mp_media_no_library : mp_media_ok, 0, 0, problem);
}
