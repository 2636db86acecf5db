"""Tiny clips in many containers and pixel formats, and their frames.

    python Tests/Fixtures/video/make_fixtures.py    # rewrites everything in this folder; needs ffmpeg 5.1

NAME.EXT: 20 frames of 48 x 32 (height 32) of moving colours, every frame different from the others.
frames.safetensors: `NAME.INDEX` (H, W, 3) uint8, frame INDEX of NAME as the ffmpeg command decodes and converts it;
    metadata `clips` has the file and the number of frames of every NAME.
opencv.safetensors: `source.CASE` to `resized.CASE` by OpenCV's `resize` with INTER_LINEAR, (H, W, 3) uint8.
views.safetensors: `views` (6, 3, 4, 16, 16): VideoMAE's test protocol, 2 segments of 4 frames at rate 3 by 3 crops, on
    h264.mp4; `middle` (1, 3, 4, 16, 16): its validation crop of the clip in the middle.
"""
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from oracle import write

WIDTH, HEIGHT, FRAMES = 48, 32, 20
CONVERSION = "scale=flags=bilinear+bitexact"
X264 = ["-c:v", "libx264", "-x264-params", "threads=1:keyint=8", "-bf", "2"]

# Name: (file, encoder's arguments).
CLIPS = {
    "h264": ("h264.mp4", [*X264, "-pix_fmt", "yuv420p"]),
    "h264_faststart": ("h264_faststart.mp4", [*X264, "-pix_fmt", "yuv420p", "-movflags", "+faststart"]),
    "h264_full_range": ("h264_full_range.mkv", [*X264, "-pix_fmt", "yuvj420p", "-color_range", "pc"]),
    "h264_709": ("h264_709.mp4", [
        *X264, "-pix_fmt", "yuv420p", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]),
    "h264_444": ("h264_444.mkv", [*X264, "-pix_fmt", "yuv444p"]),
    "h264_ten_bits": ("h264_ten_bits.mp4", [*X264, "-pix_fmt", "yuv420p10le"]),
    "h264_gray": ("h264_gray.mp4", [*X264, "-pix_fmt", "gray"]),
    "hevc": ("hevc.mp4", ["-c:v", "libx265", "-x265-params", "pools=none:frame-threads=1:log-level=0", "-pix_fmt", "yuv420p"]),
    "vp8": ("vp8.webm", ["-c:v", "libvpx", "-b:v", "50k", "-pix_fmt", "yuv420p", "-auto-alt-ref", "1", "-lag-in-frames", "10"]),
    "vp9": ("vp9.webm", ["-c:v", "libvpx-vp9", "-b:v", "50k", "-pix_fmt", "yuv420p", "-lag-in-frames", "10"]),
    "av1": ("av1.mp4", ["-c:v", "libaom-av1", "-cpu-used", "8", "-b:v", "50k", "-pix_fmt", "yuv420p"]),
    "mpeg4": ("mpeg4.avi", ["-c:v", "mpeg4", "-q:v", "8", "-bf", "0"]),
    "mjpeg": ("mjpeg.avi", ["-c:v", "mjpeg", "-q:v", "20", "-pix_fmt", "yuvj420p"]),
    "mpeg2": ("mpeg2.ts", ["-c:v", "mpeg2video", "-q:v", "10", "-bf", "2"]),
    "theora": ("theora.ogv", ["-c:v", "libtheora", "-q:v", "3"]),
    "ffv1": ("ffv1.mkv", ["-c:v", "ffv1", "-pix_fmt", "bgr0"]),
    "gif": ("gif.gif", []),
}
KEPT = [0, 7, 19]


def moving_colours() -> np.ndarray:
    """(T, H, W, 3): moving waves, and a square whose place is the number of the frame."""
    t, y, x = np.meshgrid(np.arange(FRAMES), np.arange(HEIGHT), np.arange(WIDTH), indexing="ij")
    waves = [np.sin(x / 7 + t / 3), np.sin(y / 5 - t / 4), np.sin((x + y) / 9 + t / 2)]
    frames = np.stack([127.5 + 110 * wave for wave in waves], -1).round().astype(np.uint8)
    for index in range(FRAMES):
        frames[index, 8:16, 2 * index:2 * index + 8] = [255, 255 - 12 * index, 12 * index]
    return frames


def run(*arguments: str, data: bytes = b"") -> bytes:
    command = ["ffmpeg", "-v", "error", "-y", "-fflags", "+bitexact", *arguments]
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def encode(name: str, frames: np.ndarray) -> None:
    file, arguments = CLIPS[name]
    run("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", "25", "-i", "-", *arguments, "-flags",
        "+bitexact", "-map_metadata", "-1", str(HERE / file), data=frames.tobytes())


def decode(file: str, size: tuple = (HEIGHT, WIDTH)) -> np.ndarray:
    raw = run("-i", str(HERE / file), "-vf", CONVERSION, "-vsync", "passthrough", "-pix_fmt", "rgb24", "-f", "rawvideo", "-")
    return np.frombuffer(raw, np.uint8).reshape(-1, *size, 3)


def make_clips() -> None:
    frames = moving_colours()
    tensors, clips = {}, {}
    for name, (file, _) in CLIPS.items():
        encode(name, frames)
        decoded = decode(file)
        clips[name] = {"file": file, "frames": len(decoded)}
        tensors |= {f"{name}.{index}": decoded[index] for index in KEPT}
    # The same coded frames with a rotation, as telephones write upright videos.
    for degrees in (90, 180, 270):
        name = f"rotated_{degrees}"
        run("-i", str(HERE / "h264.mp4"), "-c", "copy", "-metadata:s:v:0", f"rotate={degrees}", "-flags", "+bitexact",
            str(HERE / f"{name}.mp4"))
        size = (HEIGHT, WIDTH) if degrees == 180 else (WIDTH, HEIGHT)
        turned = decode(f"{name}.mp4", size)
        # ffmpeg rotates before it converts colours, with other roundings: it gives the direction, not the bytes.
        plain = decode("h264.mp4")
        distance = lambda k: np.abs(np.rot90(plain, k, (1, 2)).astype(int) - turned).mean()
        decoded = np.rot90(plain, min([2] if degrees == 180 else [1, 3], key=distance), (1, 2))
        assert np.abs(decoded.astype(int) - turned).mean() < 10
        clips[name] = {"file": f"{name}.mp4", "frames": len(decoded)}
        tensors |= {f"{name}.{index}": decoded[index] for index in KEPT}
    # Frames at uneven times: they are selected by number, not by time.
    run("-i", str(HERE / "h264.mp4"), "-vf", "setpts=N*N*100", "-vsync", "passthrough", *X264, "-flags", "+bitexact",
        str(HERE / "uneven.mp4"))
    decoded = decode("uneven.mp4")
    clips["uneven"] = {"file": "uneven.mp4", "frames": len(decoded)}
    tensors |= {f"uneven.{index}": decoded[index] for index in KEPT}
    write(HERE / "frames.safetensors", tensors, clips=clips)
    run("-f", "lavfi", "-i", "sine=duration=0.2", "-c:a", "aac", "-flags", "+bitexact", str(HERE / "sound.m4a"))


def make_opencv() -> None:
    cases = {
        "shrink": (45, 80, 28, 50), "tall": (60, 33, 41, 22), "enlarge": (9, 12, 20, 31), "halve": (24, 36, 12, 18),
        "halve_rows": (24, 36, 12, 30), "one": (3, 5, 1, 1), "same_rows": (16, 20, 16, 11), "line": (1, 9, 5, 4),
    }
    generator = np.random.default_rng(7)
    tensors = {}
    for case, (height, width, rows, columns) in cases.items():
        source = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
        tensors[f"source.{case}"] = source
        tensors[f"resized.{case}"] = cv2.resize(source, (columns, rows), interpolation=cv2.INTER_LINEAR)
    write(HERE / "opencv.safetensors", tensors, versions={"cv2": cv2.__version__})


def normalized(frames: np.ndarray) -> np.ndarray:
    """(T, H, W, 3) to (3, T, H, W), in float32 arithmetic."""
    mean, std = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    return np.ascontiguousarray((((frames.astype(np.float32) / np.float32(255)) - mean) / std).transpose(3, 0, 1, 2))


def make_views() -> None:
    side, clip, rate, segments, crops = 16, 4, 3, 2, 3
    frames = decode("h264.mp4")
    taken = frames[::rate]
    assert len(taken) >= clip
    resized = np.stack([cv2.resize(frame, (int(side * WIDTH / HEIGHT), side)) for frame in taken])
    room_in_space = (max(resized.shape[1:3]) - side) / (crops - 1)
    room_in_time = max((len(resized) - clip) / (segments - 1), 0)
    views = []
    for segment in range(segments):
        for crop in range(crops):
            start, left = int(segment * room_in_time), int(crop * room_in_space)
            views.append(normalized(resized[start:start + clip, :, left:left + side]))
    start, left = (len(resized) - clip) // 2, round((resized.shape[2] - side) / 2)
    middle = normalized(resized[start:start + clip, :, left:left + side])
    write(HERE / "views.safetensors", {"views": np.stack(views), "middle": middle[None]})


if __name__ == "__main__":
    make_clips()
    make_opencv()
    make_views()
