"""The tone of ../tone.wav in other containers, by libsndfile and FFmpeg.

    python Tests/Fixtures/audio/containers/make_containers.py    # rewrites the files below; the serial number in the Ogg file is random

Files: tone.aiff, tone.au, tone.caf, tone.w64, tone.rf64 with the samples of ../tone.wav; pipe.w64, pipe.caf, pipe.rf64, pipe.aiff,
pipe.au as FFmpeg writes them to a pipe, where it cannot seek back to write lengths; broadcast.ogg, a Vorbis tone of 20 s in
several pages, without the last one; pipe.mp3, 0.5 s of noise and 2 s of a quiet tone at a variable bit rate, as FFmpeg
writes it to a pipe, without a count of frames. Needs soundfile, numpy and the command ffmpeg (5.1).
"""
import subprocess
from pathlib import Path

import numpy as np
import soundfile

HERE = Path(__file__).parent


def pages(data: bytes) -> list[int]:
    starts, place = [], 0
    while place < len(data):
        starts.append(place)
        segments = data[place + 26]
        place += 27 + segments + sum(data[place + 27:place + 27 + segments])
    return starts


def main() -> None:
    samples, rate = soundfile.read(HERE.parent / "tone.wav", dtype="int16", always_2d=True)
    for ending, kind in (("aiff", "AIFF"), ("au", "AU"), ("caf", "CAF"), ("w64", "W64"), ("rf64", "RF64")):
        soundfile.write(HERE / f"tone.{ending}", samples, rate, format=kind, subtype="PCM_16")
    for ending, flags in (("w64", []), ("caf", []), ("rf64", ["-rf64", "always"]), ("aiff", []), ("au", [])):
        muxer = "wav" if ending == "rf64" else ending
        command = ["ffmpeg", "-loglevel", "error", "-i", str(HERE.parent / "tone.wav"), "-bitexact", *flags, "-f", muxer, "-"]
        (HERE / f"pipe.{ending}").write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    time = np.arange(20 * 16_000) / 16_000
    soundfile.write(HERE / "broadcast.ogg", 0.25 * np.sin(2 * np.pi * 440 * time), 16_000, format="OGG", subtype="VORBIS")
    data = (HERE / "broadcast.ogg").read_bytes()
    (HERE / "broadcast.ogg").write_bytes(data[:pages(data)[-1]])

    noise = np.random.default_rng(1).normal(size=8_000) * 0.2
    sound = np.concatenate([noise, 0.05 * np.sin(2 * np.pi * 440 * time[:32_000])])
    command = ["ffmpeg", "-loglevel", "error", "-f", "s16le", "-ar", "16000", "-ac", "1", "-i", "-", "-q:a", "7", "-bitexact", "-f", "mp3", "-"]
    sound = (sound.clip(-1, 1) * 32_767).astype("<i2").tobytes()
    (HERE / "pipe.mp3").write_bytes(subprocess.run(command, input=sound, check=True, capture_output=True).stdout)


if __name__ == "__main__":
    main()
