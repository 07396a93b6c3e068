"""Folders of transducers that hear tones, and the tones that they hear."""

import struct
from pathlib import Path

import numpy as np
import onnx

from fakes import tone_icefall, tone_nemo
from fakes.tone_sounds import TONES_HZ, tokens_of
from rechka.audio.samples import Samples

RATE_HZ = 16_000


def tones(text: str, *, token_ms: int = 120, gap_ms: int = 80, level: float = 0.5) -> Samples:
    """Return the sound of a text: a tone for each letter, silence between and for spaces."""
    parts = [np.zeros(3 * gap_ms * RATE_HZ // 1000)]
    for word in text.split(" "):
        for place, letter in enumerate(word):
            token = f"▁{letter}" if place == 0 and letter != "?" else letter
            time_s = np.arange(token_ms * RATE_HZ // 1000) / RATE_HZ
            parts.append(level * np.sin(2 * np.pi * TONES_HZ[token] * time_s))
            parts.append(np.zeros(gap_ms * RATE_HZ // 1000))
        parts.append(np.zeros(gap_ms * RATE_HZ // 1000))
    return np.concatenate(parts).astype(np.float32)


def with_hum(samples: Samples) -> Samples:
    """Return tones over a hum below them, which a voice detector takes for a voice."""
    time_s = np.arange(len(samples)) / RATE_HZ
    level = 0.1 * (0.6 + 0.4 * np.sin(2 * np.pi * 4.0 * time_s))
    hum = level * (np.sin(2 * np.pi * 110.0 * time_s) + np.sin(2 * np.pi * 220.0 * time_s))
    silence = np.zeros(RATE_HZ // 2)
    return np.concatenate([silence, samples + hum, silence, silence]).astype(np.float32)


def write_model(
    folder: Path,
    *,
    layout: str = "lstm",
    languages: tuple[str, ...] = ("ru-RU",),
    bpe: str = "model",
    upper: bool = False,
    extra: str = "",
) -> Path:
    """Write a model's folder; return it.

    Args:
        folder: To be made.
        layout: "lstm", "zipformer", "zipformer2" or "nemo".
        languages: BCP 47 tags.
        bpe: "model" for a `bpe.model`, "vocab" for a `bpe.vocab`, "" for neither.
        upper: Whether the tokens are in capitals.
        extra: More lines of `model.toml`.
    """
    folder.mkdir(parents=True)
    tokens = tokens_of(layout)
    parts = tone_nemo.build() if layout == "nemo" else tone_icefall.build(layout)
    for name, model in parts.items():
        onnx.save(model, folder / f"{name}.onnx")
    texts = [token.upper() if upper and token[0] != "<" else token for token in tokens]
    lines = [f"{token} {number}" for number, token in enumerate(texts)]
    (folder / "tokens.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    pieces = [(text, -float(number)) for number, text in enumerate(texts) if text[0] != "<"]
    if bpe == "model":
        (folder / "bpe.model").write_bytes(sentencepiece_model(pieces))
    elif bpe == "vocab":
        rows = "".join(f"{text}\t{score}\n" for text, score in pieces)
        (folder / "bpe.vocab").write_text(rows, encoding="utf-8")
    listed = ", ".join(f'"{language}"' for language in languages)
    (folder / "model.toml").write_text(
        f'name = "tones-{layout}"\nversion = "1"\nengine = "sherpa"\n'
        f'languages = [{listed}]\ntags = ["general", "general:rc"]\n'
        f'sample_rate_hz = {RATE_HZ}\nlicence = "Apache-2.0"\nsummary = "Hears tones."\n{extra}'
    )
    return folder


def sentencepiece_model(pieces: list[tuple[str, float]]) -> bytes:
    """Return a `bpe.model` of pieces and their scores, with the three usual special ones."""
    special = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3)]
    out = b""
    for text, score, kind in [*special, *[(text, score, 1) for text, score in pieces]]:
        data = text.encode()
        body = b"\x0a" + bytes([len(data)]) + data + b"\x15" + struct.pack("<f", score)
        body += b"\x18" + bytes([kind])
        out += b"\x0a" + bytes([len(body)]) + body
    # A trainer's part follows; its model type is BPE.
    return out + b"\x12\x02\x18\x02"
