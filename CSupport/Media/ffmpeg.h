// FFmpeg's functions, loaded when the first video is opened. Linked like other libraries, they would cost every process
// 35 ms at its start: a hundred more libraries come along.
#pragma once
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avstring.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

#include "mp_media.h"

// Side data moved from the stream to its parameters.
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 102)
#define MP_SIDE_DATA(X) X(avcodec, av_packet_side_data_get)
#else
#define MP_SIDE_DATA(X) X(avformat, av_stream_get_side_data)
#endif

/// X(library, function) for every function that is called.
#define MP_FFMPEG_FUNCTIONS(X) \
  X(avutil, av_asprintf) \
  X(avutil, av_calloc) \
  X(avutil, av_dict_free) \
  X(avutil, av_dict_set) \
  X(avutil, av_dict_set_int) \
  X(avutil, av_frame_alloc) \
  X(avutil, av_frame_free) \
  X(avutil, av_free) \
  X(avutil, av_freep) \
  X(avutil, av_get_pix_fmt_name) \
  X(avutil, av_image_alloc) \
  X(avutil, av_log_set_level) \
  X(avutil, av_match_list) \
  X(avutil, av_max_alloc) \
  X(avutil, av_strerror) \
  X(avcodec, av_packet_alloc) \
  X(avcodec, av_packet_free) \
  X(avcodec, av_packet_unref) \
  X(avcodec, avcodec_alloc_context3) \
  X(avcodec, avcodec_free_context) \
  X(avcodec, avcodec_get_name) \
  X(avcodec, avcodec_open2) \
  X(avcodec, avcodec_parameters_to_context) \
  X(avcodec, avcodec_receive_frame) \
  X(avcodec, avcodec_send_packet) \
  X(avformat, av_find_best_stream) \
  X(avformat, av_read_frame) \
  X(avformat, avformat_alloc_context) \
  X(avformat, avformat_close_input) \
  X(avformat, avformat_find_stream_info) \
  X(avformat, avformat_index_get_entries_count) \
  X(avformat, avformat_open_input) \
  X(swscale, sws_freeContext) \
  X(swscale, sws_getCachedContext) \
  X(swscale, sws_getCoefficients) \
  X(swscale, sws_isSupportedInput) \
  X(swscale, sws_scale) \
  X(swscale, sws_setColorspaceDetails) \
  MP_SIDE_DATA(X)

typedef struct {
#define MP_MEMBER(library, function) __typeof__(&function) function;
  MP_FFMPEG_FUNCTIONS(MP_MEMBER)
#undef MP_MEMBER
} mp_ffmpeg_functions;

/// Every member is set once `mp_ffmpeg_load` has returned mp_media_ok.
extern mp_ffmpeg_functions mp_ffmpeg;

/// Loads the libraries, the first time; mp_media_no_library where one of the versions compiled against is not there.
/// From any thread.
mp_media_status mp_ffmpeg_load(mp_media_report *report);
