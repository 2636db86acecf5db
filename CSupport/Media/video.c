#include "mp_video.h"

#include <stdlib.h>
#include <string.h>

#include "ffmpeg.h"
#include "report.h"

static const char *const formats = "mov,matroska,avi,mpegts,mpeg,ogg,flv,gif";
static const char *const decoders =
    "h264,hevc,vp8,vp9,libdav1d,av1,mpeg4,mpeg1video,mpeg2video,mjpeg,theora,h263,flv,msmpeg4,ffv1,rawvideo,gif";

// What PyAV and OpenCV convert with, and so what models have been trained on, to the byte: chroma is not
// interpolated where it is halved. Exact rounding and full chroma would move samples by 1.3 of 255 on average.
static const int conversion = SWS_BILINEAR | SWS_BITEXACT;

// A table of a lying file, at most; the libraries take such memory at once. A frame of 8K with 8 bytes a pixel fits.
static const size_t largest_block = (size_t)320 << 20;

struct mp_video {
  AVFormatContext *file;
  AVCodecContext *decoder;
  AVStream *stream;
  AVPacket *packet;
  AVFrame *frame;
  struct SwsContext *scaler;
  uint8_t *rows[4];  // of the converted frame, aligned as libswscale wants them
  int strides[4];
  int width;  // of the converted frame
  int height;
  mp_video_limits limits;
  uint64_t decoded;
  int draining;
};

// MARK: Errors

static mp_media_status fail(mp_media_report *report, mp_media_status status, const char *what, int error) {
  if (error == AVERROR_EXIT) return mp_report(report, mp_media_cancelled, 0, 0, "");
  char reason[AV_ERROR_MAX_STRING_SIZE] = "";
  mp_ffmpeg.av_strerror(error, reason, sizeof reason);
  char message[256];
  snprintf(message, sizeof message, "%s: %s", what, reason);
  return mp_report(report, status, 0, 0, message);
}

static mp_media_status no_memory(mp_media_report *report) {
  return mp_report(report, mp_media_too_many_bytes, 0, largest_block, "no memory");
}

// MARK: Opening

static int open_file(mp_video *video, const char *path, mp_video_cancelled cancelled, mp_media_report *report) {
  video->file = mp_ffmpeg.avformat_alloc_context();
  char *url = mp_ffmpeg.av_asprintf("file:%s", path);
  if (!video->file || !url) {
    mp_ffmpeg.av_free(url);
    no_memory(report);
    return 0;
  }
  video->file->interrupt_callback = (AVIOInterruptCB){cancelled, NULL};
  video->file->probesize = (int64_t)video->limits.probe_bytes;
  video->file->max_analyze_duration = 10 * AV_TIME_BASE;
  AVDictionary *options = NULL;
  mp_ffmpeg.av_dict_set(&options, "format_whitelist", formats, 0);
  mp_ffmpeg.av_dict_set(&options, "codec_whitelist", decoders, 0);
  mp_ffmpeg.av_dict_set(&options, "protocol_whitelist", "file", 0);
  mp_ffmpeg.av_dict_set_int(&options, "max_streams", video->limits.streams, 0);
  int error = mp_ffmpeg.avformat_open_input(&video->file, url, NULL, &options);
  mp_ffmpeg.av_dict_free(&options);
  mp_ffmpeg.av_free(url);
  if (error >= 0) return 1;
  if (error == AVERROR(EINVAL)) {
    mp_report(report, mp_media_no_stream, 0, 0, "its format is not one of those read as video");
  } else if (error == AVERROR(ENOMEM)) {
    no_memory(report);
  } else if (error == AVERROR_EOF) {
    mp_report(report, mp_media_truncated, 0, 0, "it ends inside its header");
  } else {
    fail(report, mp_media_no_stream, "its content is not that of a video", error);
  }
  return 0;
}

/// What a decoder may do, here and while streams are examined.
static AVDictionary *decoder_options(const mp_video *video) {
  AVDictionary *options = NULL;
  mp_ffmpeg.av_dict_set(&options, "codec_whitelist", decoders, 0);
  // Of frames as decoders keep them, with up to 63 columns of padding.
  mp_ffmpeg.av_dict_set_int(&options, "max_pixels", (int64_t)video->limits.pixels + (1 << 20), 0);
  mp_ffmpeg.av_dict_set(&options, "threads", "1", 0);
  return options;
}

static int examine_streams(mp_video *video, mp_media_report *report) {
  unsigned count = video->file->nb_streams;
  AVDictionary **options = mp_ffmpeg.av_calloc(count + 1, sizeof *options);
  if (!options) {
    no_memory(report);
    return 0;
  }
  for (unsigned i = 0; i < count; i++) options[i] = decoder_options(video);
  int error = mp_ffmpeg.avformat_find_stream_info(video->file, options);
  for (unsigned i = 0; i < count; i++) mp_ffmpeg.av_dict_free(&options[i]);
  mp_ffmpeg.av_free(options);
  if (error >= 0) return 1;
  fail(report, mp_media_damaged, "its streams cannot be told apart", error);
  return 0;
}

static int open_stream(mp_video *video, mp_media_report *report) {
  const AVCodec *codec = NULL;
  int index = mp_ffmpeg.av_find_best_stream(video->file, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
  if (index == AVERROR_DECODER_NOT_FOUND) {
    mp_report(report, mp_media_unsupported, 0, 0, "nothing decodes its video stream");
    return 0;
  }
  if (index < 0 || video->file->streams[index]->disposition & AV_DISPOSITION_ATTACHED_PIC) {
    mp_report(report, mp_media_no_stream, 0, 0, "it holds no video stream");
    return 0;
  }
  for (unsigned i = 0; i < video->file->nb_streams; i++) {
    if ((int)i != index) video->file->streams[i]->discard = AVDISCARD_ALL;
  }
  video->stream = video->file->streams[index];
  const AVCodecParameters *parameters = video->stream->codecpar;
  if (!mp_ffmpeg.av_match_list(codec->name, decoders, ',')) {
    char message[128];
    snprintf(message, sizeof message, "its video is coded as %s", mp_ffmpeg.avcodec_get_name(parameters->codec_id));
    mp_report(report, mp_media_unsupported, 0, 0, message);
    return 0;
  }
  if (parameters->width <= 0 || parameters->height <= 0) {
    char message[128];
    snprintf(message, sizeof message, "its video stream has no frame of a known size within the limit of %llu pixels",
             (unsigned long long)video->limits.pixels);
    mp_report(report, mp_media_damaged, 0, 0, message);
    return 0;
  }
  if (!mp_pixels_fit((uint32_t)parameters->width, (uint32_t)parameters->height,
                     &(mp_media_limits){.pixels = video->limits.pixels}, report)) return 0;
  video->decoder = mp_ffmpeg.avcodec_alloc_context3(codec);
  if (!video->decoder || mp_ffmpeg.avcodec_parameters_to_context(video->decoder, parameters) < 0) {
    no_memory(report);
    return 0;
  }
  video->decoder->pkt_timebase = video->stream->time_base;
  AVDictionary *options = decoder_options(video);
  int error = mp_ffmpeg.avcodec_open2(video->decoder, codec, &options);
  mp_ffmpeg.av_dict_free(&options);
  if (error >= 0) return 1;
  fail(report, mp_media_damaged, "its decoder does not start", error);
  return 0;
}

mp_video *mp_video_open(
    const char *path, const mp_video_limits *limits, mp_video_cancelled cancelled, mp_media_report *report) {
  if (mp_ffmpeg_load(report) != mp_media_ok) return NULL;
  mp_ffmpeg.av_log_set_level(AV_LOG_QUIET);
  mp_ffmpeg.av_max_alloc(largest_block);
  mp_video *video = calloc(1, sizeof *video);
  if (!video) {
    no_memory(report);
    return NULL;
  }
  video->limits = *limits;
  video->packet = mp_ffmpeg.av_packet_alloc();
  video->frame = mp_ffmpeg.av_frame_alloc();
  if (!video->packet || !video->frame) {
    no_memory(report);
  } else if (open_file(video, path, cancelled, report) && examine_streams(video, report) &&
             open_stream(video, report)) {
    return video;
  }
  mp_video_close(video);
  return NULL;
}

// MARK: Counting

/// The stream's next packet, or what av_read_frame says.
static int read_packet(mp_video *video) {
  for (;;) {
    mp_ffmpeg.av_packet_unref(video->packet);
    int error = mp_ffmpeg.av_read_frame(video->file, video->packet);
    if (error < 0 || video->packet->stream_index == video->stream->index) return error;
  }
}

/// Frames that the file's own tables promise; 0 where it has none that can be trusted to mean that.
static uint64_t promised(const mp_video *video) {
  if (!strstr(video->file->iformat->name, "mov")) return 0;
  int entries = mp_ffmpeg.avformat_index_get_entries_count(video->stream);
  return entries > 0 ? (uint64_t)entries : 0;
}

/// Whether another stream of pictures has come up since the file was opened, or this one is coded otherwise: what
/// happens where another file was put after the first.
static int has_changed(const mp_video *video, unsigned streams) {
  if (video->stream->codecpar->codec_id != video->decoder->codec_id) return 1;
  for (unsigned i = streams; i < video->file->nb_streams; i++) {
    if (video->file->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_VIDEO) return 1;
  }
  return 0;
}

mp_media_status mp_video_count(mp_video *video, uint64_t *frames, mp_media_report *report) {
  uint64_t expected = promised(video);
  unsigned streams = video->file->nb_streams;
  uint64_t packets = 0;
  *frames = 0;
  int is_cut = 0;
  int error;
  while ((error = read_packet(video)) >= 0) {
    if (++packets > video->limits.frames) {
      return mp_report(report, mp_media_too_many_frames, packets, video->limits.frames, "");
    }
    // An edit list hides frames that others are made from.
    *frames += !(video->packet->flags & AV_PKT_FLAG_DISCARD);
    is_cut = video->packet->flags & AV_PKT_FLAG_CORRUPT;
  }
  if (error == AVERROR_EXIT) return fail(report, mp_media_cancelled, "", error);
  char message[128];
  if (packets < expected) {
    snprintf(message, sizeof message, "it promises %llu frames and holds %llu", (unsigned long long)expected,
             (unsigned long long)packets);
    return mp_report(report, mp_media_truncated, 0, 0, message);
  }
  if (is_cut) {
    snprintf(message, sizeof message, "it ends inside frame %llu", (unsigned long long)*frames);
    return mp_report(report, mp_media_truncated, 0, 0, message);
  }
  if (error != AVERROR_EOF) return fail(report, mp_media_damaged, "its packets cannot be read", error);
  if (has_changed(video, streams)) {
    return mp_report(report, mp_media_unsupported, 0, 0, "its pictures go on in another stream, which is not read");
  }
  // A writer to a pipe leaves a number that no file has.
  uint64_t declared = video->stream->nb_frames > 0 ? (uint64_t)video->stream->nb_frames : *frames;
  message[0] = 0;
  if (declared != *frames && declared < 1u << 30) {
    snprintf(message, sizeof message, "its header says %llu frames, %llu are shown", (unsigned long long)declared,
             (unsigned long long)*frames);
  }
  return mp_report(report, mp_media_ok, 0, 0, message);
}

// MARK: Decoding

/// Hands the decoder the next packet, or tells it that there is none.
static mp_media_status feed(mp_video *video, mp_media_report *report) {
  int error = read_packet(video);
  if (error == AVERROR_EXIT) return fail(report, mp_media_cancelled, "", error);
  // The count has judged how the file ends.
  video->draining = error < 0;
  error = mp_ffmpeg.avcodec_send_packet(video->decoder, video->draining ? NULL : video->packet);
  mp_ffmpeg.av_packet_unref(video->packet);
  // A recording may begin between two frames that can be decoded by themselves.
  if (error >= 0 || video->decoded == 0) return mp_media_ok;
  char what[64];
  snprintf(what, sizeof what, "what follows frame %llu cannot be decoded", (unsigned long long)video->decoded);
  return fail(report, mp_media_damaged, what, error);
}

mp_media_status mp_video_next(mp_video *video, mp_media_report *report) {
  for (;;) {
    int error = mp_ffmpeg.avcodec_receive_frame(video->decoder, video->frame);
    if (error >= 0) break;
    if (error == AVERROR_EOF || (video->draining && error != AVERROR(EAGAIN) && video->decoded == 0)) {
      return mp_report(report, mp_media_end, 0, 0, "");
    }
    if (error != AVERROR(EAGAIN) && video->decoded > 0) {
      return fail(report, mp_media_damaged, "a frame cannot be decoded", error);
    }
    if (feed(video, report) != mp_media_ok) return report->status;
  }
  video->decoded++;
  int fits = video->frame->width > 0 && video->frame->height > 0 &&
      mp_pixels_fit((uint32_t)video->frame->width, (uint32_t)video->frame->height,
                    &(mp_media_limits){.pixels = video->limits.pixels}, report);
  return fits ? mp_report(report, mp_media_ok, 0, 0, "") : report->status;
}

uint32_t mp_video_width(const mp_video *video) { return (uint32_t)video->frame->width; }

uint32_t mp_video_height(const mp_video *video) { return (uint32_t)video->frame->height; }

int mp_video_orientation(const mp_video *video) {
  const int32_t *matrix = NULL;
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 102)
  const AVCodecParameters *parameters = video->stream->codecpar;
  const AVPacketSideData *data = mp_ffmpeg.av_packet_side_data_get(
      parameters->coded_side_data, parameters->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
  if (data && data->size >= 9 * sizeof *matrix) matrix = (const int32_t *)data->data;
#else
  size_t size = 0;
  matrix = (const int32_t *)mp_ffmpeg.av_stream_get_side_data(video->stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
  if (size < 9 * sizeof *matrix) matrix = NULL;
#endif
  if (!matrix) return 1;
  // x' = a x + c y, y' = b x + d y, of which one diagonal is 0 for pictures that stand upright on a screen.
  int64_t a = matrix[0], b = matrix[1], c = matrix[3], d = matrix[4];
  if (llabs(a) + llabs(d) >= llabs(b) + llabs(c)) return a >= 0 ? (d >= 0 ? 1 : 4) : (d >= 0 ? 2 : 3);
  return b >= 0 ? (c >= 0 ? 5 : 6) : (c >= 0 ? 8 : 7);
}

// MARK: Colours

/// Memory for the converted frame, allocated again where the size changes.
static int take_rows(mp_video *video) {
  const AVFrame *frame = video->frame;
  if (video->rows[0] && video->width == frame->width && video->height == frame->height) return 1;
  mp_ffmpeg.av_freep(&video->rows[0]);
  video->width = frame->width;
  video->height = frame->height;
  return mp_ffmpeg.av_image_alloc(video->rows, video->strides, frame->width, frame->height, AV_PIX_FMT_RGB24, 64) >= 0;
}

mp_media_status mp_video_rgb(mp_video *video, uint8_t *rgb, mp_media_report *report) {
  const AVFrame *frame = video->frame;
  if (!mp_ffmpeg.sws_isSupportedInput(frame->format)) {
    const char *name = mp_ffmpeg.av_get_pix_fmt_name(frame->format);
    return mp_report(report, mp_media_unsupported, 0, 0, name ? name : "an unknown pixel format");
  }
  if (!take_rows(video)) return no_memory(report);
  video->scaler = mp_ffmpeg.sws_getCachedContext(
      video->scaler, frame->width, frame->height, frame->format, frame->width, frame->height, AV_PIX_FMT_RGB24,
      conversion, NULL, NULL, NULL);
  if (!video->scaler) return no_memory(report);
  int matrix = frame->colorspace == AVCOL_SPC_UNSPECIFIED ? SWS_CS_DEFAULT : (int)frame->colorspace;
  int full = frame->color_range == AVCOL_RANGE_JPEG;
  const int *coefficients = mp_ffmpeg.sws_getCoefficients(matrix);
  mp_ffmpeg.sws_setColorspaceDetails(video->scaler, coefficients, full, coefficients, 1, 0, 1 << 16, 1 << 16);
  int rows = mp_ffmpeg.sws_scale(
      video->scaler, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height, video->rows,
      video->strides);
  if (rows != frame->height) return mp_report(report, mp_media_damaged, 0, 0, "its colours cannot be converted");
  size_t length = 3 * (size_t)frame->width;
  for (int y = 0; y < frame->height; y++) {
    memcpy(rgb + length * (size_t)y, video->rows[0] + (ptrdiff_t)video->strides[0] * y, length);
  }
  return mp_report(report, mp_media_ok, 0, 0, "");
}

void mp_video_close(mp_video *video) {
  if (!video) return;
  mp_ffmpeg.sws_freeContext(video->scaler);
  mp_ffmpeg.av_freep(&video->rows[0]);
  mp_ffmpeg.av_frame_free(&video->frame);
  mp_ffmpeg.av_packet_free(&video->packet);
  mp_ffmpeg.avcodec_free_context(&video->decoder);
  mp_ffmpeg.avformat_close_input(&video->file);
  free(video);
}
