"""Goldens of the filter bank: features.safetensors, from kaldi-native-fbank, and sounds to read, from libsndfile.

    python Tests/Fixtures/audio/make_features.py

Needs kaldi-native-fbank 1.20 (later versions refuse 128 bins at 16 kHz, where the lowest triangles contain no frequency
of the transform), soundfile 0.14, numpy, and Debian's espeak-ng and sox (the speech is synthetic and free of
rights). Tensors: samples.CASE float32 and features.CASE (frames, bins) of Kaldi, full scale 1; metadata
`rates`, by case. Files of one tone, 0.1 s at 16 kHz and two channels, in every format: tone.{wav,flac,ogg,opus,mp3},
and tone.safetensors with the samples that libsndfile reads, (frames, channels).
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import kaldi_native_fbank
import numpy as np
import soundfile

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from oracle import write


def kaldi(samples: np.ndarray, rate: int, bins: int) -> np.ndarray:
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = rate
    options.frame_opts.dither = 0
    options.frame_opts.window_type = "hanning"
    options.frame_opts.frame_length_ms = 25
    options.frame_opts.frame_shift_ms = 10
    options.frame_opts.preemph_coeff = 0.97
    options.frame_opts.remove_dc_offset = True
    options.frame_opts.snip_edges = True
    options.mel_opts.num_bins = bins
    options.use_energy = False
    options.htk_compat = True
    bank = kaldi_native_fbank.OnlineFbank(options)
    bank.accept_waveform(rate, samples.tolist())
    bank.input_finished()
    return np.stack([bank.get_frame(i) for i in range(bank.num_frames_ready)]).astype(np.float32)


def speech(text: str, rate: int) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["espeak-ng", "-w", f"{folder}/a.wav", text], check=True)
        subprocess.run(["sox", "-D", f"{folder}/a.wav", "-r", str(rate), f"{folder}/b.wav"], check=True)
        samples, _ = soundfile.read(f"{folder}/b.wav", dtype="float32")
    return samples


def main() -> None:
    generator = np.random.default_rng(7)
    time = np.arange(6000) / 16000
    cases = {
        "speech": (speech("seven", 16000)[2000:8000], 16000, 128),
        "narrow": (speech("nine", 8000)[1000:4000], 8000, 40),
        "high": (0.1 * generator.standard_normal(12000), 44100, 80),
        "odd": (0.2 * generator.standard_normal(2500), 11025, 23),
        "noise": (0.3 * generator.standard_normal(4000), 16000, 128),
        "tone": (0.5 * np.sin(2 * np.pi * 440 * time) + 0.2, 16000, 128),
        "sweep": (0.4 * np.sin(2 * np.pi * (100 + 8000 * time) * time), 16000, 64),
        "silence": (np.zeros(1000), 16000, 128),
    }
    tensors, rates = {}, {}
    for name, (samples, rate, bins) in cases.items():
        samples = np.ascontiguousarray(samples, dtype=np.float32)
        tensors[f"samples.{name}"] = samples
        tensors[f"features.{name}"] = kaldi(samples, rate, bins)
        rates[name] = rate
    write(HERE / "features.safetensors", tensors, rates=rates, versions={
        "kaldi-native-fbank": kaldi_native_fbank.__version__})

    time = np.arange(1600) / 16000
    tone = np.stack([0.5 * np.sin(2 * np.pi * 440 * time), 0.25 * np.sin(2 * np.pi * 660 * time)], axis=1)
    read = {}
    for name, format, subtype, rate in [
        ("wav", "WAV", "PCM_16", 16000), ("flac", "FLAC", "PCM_16", 16000), ("ogg", "OGG", "VORBIS", 16000),
        ("opus", "OGG", "OPUS", 16000), ("mp3", "MP3", "MPEG_LAYER_III", 16000),
    ]:
        soundfile.write(HERE / f"tone.{name}", tone, rate, format=format, subtype=subtype)
        read[name], found = soundfile.read(HERE / f"tone.{name}", dtype="float32", always_2d=True)
        assert found == rate, (name, found)
    write(HERE / "tone.safetensors", read, versions={"soundfile": soundfile.__version__})


if __name__ == "__main__":
    main()
