#!/bin/sh
# The clip of ../h264.mp4 and ../mpeg2.ts in containers whose files can be concatenated, by FFmpeg 5.1; nothing is encoded.
set -eu
cd "$(dirname "$0")"
ffmpeg="ffmpeg -loglevel error -y"
for name in h264.flv h264.ts; do $ffmpeg -i ../h264.mp4 -c copy -fflags +bitexact "$name"; done
$ffmpeg -i ../mpeg2.ts -c copy -fflags +bitexact mpeg2.mpg
# In a pipe, the length of Matroska is unknown.
$ffmpeg -i ../h264.mp4 -c copy -fflags +bitexact -f matroska - > live.mkv
$ffmpeg -i ../h264.mp4 -c copy -fflags +bitexact -movflags frag_keyframe+empty_moov fragments.mp4
# An edit list hides the first 8 of 20 frames.
$ffmpeg -ss 0.3 -i ../h264.mp4 -c copy -fflags +bitexact edited.mp4
