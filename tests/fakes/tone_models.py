"""Models that hear tones: each token is a frequency, and silence is the blank.

They are real ONNX files of the two contracts, with a state: what comes out is late by
some frames, and those that wait are in the tensors that are carried along.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from rechka.audio.samples import Samples
from rechka.recognition.engines.ctc.compile import compile_graph

# Tokens and their tones, far enough from each other to fall into other mels.
TONES_HZ: Mapping[str, float] = {"a": 500.0, "b": 1000.0, "c": 1700.0, "d": 2700.0}
WORDS = ("ab", "ba", "cab", "dab", "bad", "cad", "abc")
_SPACE_HZ = 3500.0
_TOKENS = (*TONES_HZ, "<blk>")
# T-one is late by 330 ms.
_TONE_FRAMES_LATE = 11
_BLANK_LOGIT = 8.0


def tones(
    text: str, *, rate_hz: int, token_ms: int = 120, gap_ms: int = 80, hear_spaces: bool = False
) -> Samples:
    """Return the sound of a text: a tone for each letter, silence between.

    A space is silence too, or, if it is to be heard, a tone of its own.
    """
    heard = {**TONES_HZ, " ": _SPACE_HZ} if hear_spaces else TONES_HZ
    parts = [np.zeros(3 * gap_ms * rate_hz // 1000)]
    for letter in text:
        if letter in heard:
            time_s = np.arange(token_ms * rate_hz // 1000) / rate_hz
            parts.append(0.5 * np.sin(2 * np.pi * heard[letter] * time_s))
        parts.append(np.zeros(gap_ms * rate_hz // 1000))
    return np.concatenate(parts).astype(np.float32)


def breathed(samples: Samples, *, rate_hz: int) -> Samples:
    """Return tones with soft noise of a changing color, which the ear of a server takes for
    speech and a model of tones does not hear.
    """
    noise = np.random.default_rng(0).normal(0.0, 0.001, len(samples))
    is_near_sound = np.convolve(np.abs(samples) > 0, np.ones(rate_hz // 40), "same") > 0
    is_dark = np.arange(len(samples)) // (rate_hz * 120 // 1000) % 2 == 1
    colored = np.where(is_dark, noise, np.diff(noise, prepend=0.0))
    breathing: Samples = (samples + colored * is_near_sound).astype(np.float32)
    return breathing


def overlaid(first: Samples, second: Samples, *, gain: float) -> Samples:
    """Return two sounds of one length at once, from where they first differ to where they last do.

    Args:
        first: Given at 0.9 of its loudness there.
        second: Given at 0.9 times `gain` of its loudness there.
        gain: Above 1 the second one is louder.
    """
    differing = np.flatnonzero(first != second)
    both = first.copy()
    part = slice(differing[0], differing[-1] + 1)
    both[part] = 0.9 * first[part] + 0.9 * gain * second[part]
    return both


def write_model(
    folder: Path,
    *,
    name: str = "",
    contract: str = "nemo",
    language: str = "ru-RU",
    words: Sequence[str] | None = WORDS,
    letters: str = "abcd",
    extra: str = "",
) -> Path:
    """Write a model's folder; return it.

    Args:
        folder: To be made.
        name: Of the model; by default "tones-" and the contract.
        contract: "nemo" or "t-one".
        language: BCP 47 tag.
        words: Vocabulary, all words equally likely; None for a model without a graph.
        letters: How the tones are spelled, in the order of `TONES_HZ`.
        extra: More lines of `model.toml`.
    """
    folder.mkdir(parents=True)
    model = nemo_model() if contract == "nemo" else tone_model()
    onnx.save(model, folder / "model.onnx")
    lines = [f"{token} {number}" for number, token in enumerate((*letters, _TOKENS[-1]))]
    (folder / "tokens.txt").write_text("\n".join(lines) + "\n")
    rate_hz = 16_000 if contract == "nemo" else 8_000
    (folder / "model.toml").write_text(
        f'name = "{name or "tones-" + contract}"\nversion = "1"\n'
        f'engine = "ctc"\ncontract = "{contract}"\n'
        f'languages = ["{language}"]\ntags = ["general", "general:rc"]\n'
        f'sample_rate_hz = {rate_hz}\nlicence = "Apache-2.0"\nsummary = "Hears tones."\n{extra}'
    )
    if words is not None:
        arpa, lexicon = folder / "lm.arpa", folder / "lexicon.txt"
        arpa.write_text(uniform_arpa(words))
        lexicon.write_text("".join(f"{word}\t{' '.join(word)}\n" for word in words))
        compile_graph(
            arpa=arpa, lexicon=lexicon, tokens=folder / "tokens.txt", output=folder / "graph.bin"
        )
    return folder


def write_downloaded_t_one(folder: Path, *, language: str = "ru-RU") -> Path:
    """Write a folder with all that sherpa-onnx's archive of T-one has; return it.

    Nothing is added but the shortest `model.toml` that there can be. The alphabet is that
    of the tones, with a space that is heard.
    """
    folder.mkdir(parents=True)
    onnx.save(tone_model(hears_spaces=True), folder / "model.onnx")
    inventory = (*TONES_HZ, " ", "<blk>")
    lines = [f"{token} {number}\n" for number, token in enumerate(inventory)]
    (folder / "tokens.txt").write_text("".join(lines), encoding="utf-8")
    for name in ("LICENSE", "README.md", "0.wav"):
        (folder / name).write_bytes(b"not read")
    (folder / "model.toml").write_text(
        'name = "t-one"\nversion = "2025-09-08"\nengine = "ctc"\ncontract = "t-one"\n'
        f'languages = ["{language}"]\nsample_rate_hz = 8000\nlicence = "Apache-2.0"\n'
        'summary = "Russian letters."\n'
    )
    return folder


def uniform_arpa(words: Sequence[str]) -> str:
    """Return a model of order 1 in which all words are equally likely."""
    value = -np.log10(len(words) + 1)
    lines = [f"{value:.6f}\t{word}" for word in (*words, "</s>")]
    return (
        f"\\data\\\nngram 1={len(lines) + 1}\n\n\\1-grams:\n-99\t<s>\n"
        + "\n".join(lines)
        + "\n\n\\end\\\n"
    )


def nemo_model(*, normalize: str = "") -> onnx.ModelProto:
    """Return a model of the contract "nemo": 16 frames in, 4 frames out, one frame late."""
    count = len(_TOKENS)
    edges_hz = _mel_centers_hz()
    weights = np.zeros((80, count), dtype=np.float32)
    for number, tone_hz in enumerate(TONES_HZ.values()):
        weights[int(np.abs(edges_hz - tone_hz).argmin()), number] = 2.0
    # A log-mel of silence is -15.9, of a tone above 0: each token is sure or impossible.
    bias = np.full(count, 2.0 * 6.0, dtype=np.float32)
    bias[-1] = _BLANK_LOGIT
    at_zero = np.full(count, -20.0, dtype=np.float32)
    at_zero[-1] = _BLANK_LOGIT
    nodes = [
        helper.make_node(
            "AveragePool", ["audio_signal"], ["pooled"], kernel_shape=[4], strides=[4]
        ),
        helper.make_node("Transpose", ["pooled"], ["frames"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["frames", "weights"], ["scores"]),
        helper.make_node("Add", ["scores", "bias"], ["logits"]),
        # The cache holds differences to what silence gives, so that zeros are silence.
        helper.make_node("Sub", ["logits", "at_zero"], ["fresh"]),
        helper.make_node("Squeeze", ["cache_last_time", "one"], ["waiting"]),
        *_late(),
        helper.make_node("Unsqueeze", ["last", "one"], ["cache_last_time_next"]),
        helper.make_node("Add", ["cache_last_channel", "unit"], ["cache_last_channel_next"]),
        helper.make_node(
            "Add", ["cache_last_channel_len", "step"], ["cache_last_channel_next_len"]
        ),
        helper.make_node("Div", ["length", "four"], ["encoded_lengths"]),
    ]
    constants: dict[str, np.ndarray] = {
        "weights": weights,
        "bias": bias,
        "at_zero": at_zero,
        "unit": np.ones(1, dtype=np.float32),
        "step": np.ones(1, dtype=np.int64),
        "four": np.full(1, 4, dtype=np.int64),
        "minus_late": np.full(1, -1, dtype=np.int64),
    }
    metadata = {
        "model_type": "EncDecCTCModelBPE",
        "window_size": 16,
        "chunk_shift": 16,
        "subsampling_factor": 4,
        "vocab_size": count - 1,
        "normalize_type": normalize,
        "delay_ms": 40,
    }
    metadata |= {f"cache_last_channel_dim{number}": 1 for number in (1, 2, 3)}
    metadata |= {
        "cache_last_time_dim1": 1,
        "cache_last_time_dim2": 1,
        "cache_last_time_dim3": count,
    }
    return _model(
        nodes,
        constants,
        inputs={
            "audio_signal": (TensorProto.FLOAT, ["N", 80, "T"]),
            "length": (TensorProto.INT64, ["N"]),
            "cache_last_channel": (TensorProto.FLOAT, ["N", 1, 1, 1]),
            "cache_last_time": (TensorProto.FLOAT, ["N", 1, 1, count]),
            "cache_last_channel_len": (TensorProto.INT64, ["N"]),
        },
        outputs={
            "logprobs": (TensorProto.FLOAT, ["N", "F", count]),
            "encoded_lengths": (TensorProto.INT64, ["N"]),
            "cache_last_channel_next": (TensorProto.FLOAT, ["N", 1, 1, 1]),
            "cache_last_time_next": (TensorProto.FLOAT, ["N", 1, 1, count]),
            "cache_last_channel_next_len": (TensorProto.INT64, ["N"]),
        },
        metadata=metadata,
    )


def tone_model(*, hears_spaces: bool = False, **metadata: object) -> onnx.ModelProto:
    """Return a model of the contract "t-one": 2400 samples in, 10 frames out, 11 late.

    Args:
        hears_spaces: Whether there is a token " " before the blank.
        metadata: Instead of those that sherpa-onnx writes; None leaves one out.
    """
    tones_hz = [*TONES_HZ.values(), *([_SPACE_HZ] if hears_spaces else [])]
    count = len(tones_hz) + 1
    state = _TONE_FRAMES_LATE * count
    phase = 2 * np.pi * np.array(tones_hz) * np.arange(240)[:, None] / 8_000
    pad = np.zeros((240, 1))
    cosine = np.hstack([np.cos(phase), pad]).astype(np.float32)
    sine = np.hstack([np.sin(phase), pad]).astype(np.float32)
    at_zero = np.full(count, -20.0, dtype=np.float32)
    at_zero[-1] = _BLANK_LOGIT
    nodes = [
        helper.make_node("Reshape", ["signal", "framed"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["frames"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["frames", "cosine"], ["real"]),
        helper.make_node("MatMul", ["frames", "sine"], ["imaginary"]),
        helper.make_node("Mul", ["real", "real"], ["real_power"]),
        helper.make_node("Mul", ["imaginary", "imaginary"], ["imaginary_power"]),
        helper.make_node("Add", ["real_power", "imaginary_power"], ["power"]),
        # A tone of amplitude 0.5 has 16384 x 120 in its own bin.
        helper.make_node("Mul", ["power", "scale"], ["scores"]),
        helper.make_node("Clip", ["scores", "", "most"], ["fresh"]),
        helper.make_node("Cast", ["state"], ["state_float"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["state_float", "queued"], ["waiting"]),
        *_late(),
        helper.make_node("Reshape", ["last", "flat"], ["state_after"]),
        helper.make_node("Cast", ["state_after"], ["state_next"], to=TensorProto.FLOAT16),
    ]
    constants: dict[str, np.ndarray] = {
        "framed": np.array([-1, 10, 240], dtype=np.int64),
        "queued": np.array([-1, _TONE_FRAMES_LATE, count], dtype=np.int64),
        "flat": np.array([-1, state], dtype=np.int64),
        "minus_late": np.full(1, -_TONE_FRAMES_LATE, dtype=np.int64),
        "cosine": cosine,
        "sine": sine,
        "scale": np.array(40.0 / (16384.0 * 120) ** 2, dtype=np.float32),
        "most": np.array(40.0, dtype=np.float32),
        "at_zero": at_zero,
    }
    return _model(
        nodes,
        constants,
        inputs={
            "signal": (TensorProto.INT32, ["N", 2400, 1]),
            "state": (TensorProto.FLOAT16, ["N", state]),
        },
        outputs={
            "logprobs": (TensorProto.FLOAT, ["N", 10, count]),
            "state_next": (TensorProto.FLOAT16, ["N", state]),
        },
        metadata={
            "model_type": "t-one",
            "language": "Russian",
            "frame_length_ms": 300,
            "state_dim": state,
            "sample_rate": 8000,
            **metadata,
        },
    )


def _late() -> list[onnx.NodeProto]:
    """Return how `fresh` [N, F, V] and `waiting` [N, late, V] give `logprobs` and `last`."""
    return [
        helper.make_node("Concat", ["waiting", "fresh"], ["queue"], axis=1),
        helper.make_node("Slice", ["queue", "begin", "minus_late", "one"], ["now"]),
        helper.make_node("Slice", ["queue", "minus_late", "end", "one"], ["last"]),
        helper.make_node("Add", ["now", "at_zero"], ["late"]),
        helper.make_node("LogSoftmax", ["late"], ["logprobs"], axis=-1),
    ]


def _model(
    nodes: list[onnx.NodeProto],
    constants: dict[str, np.ndarray],
    *,
    inputs: Mapping[str, tuple[int, Sequence[str | int]]],
    outputs: Mapping[str, tuple[int, Sequence[str | int]]],
    metadata: Mapping[str, object],
) -> onnx.ModelProto:
    shared: dict[str, np.ndarray] = {
        "begin": np.zeros(1, dtype=np.int64),
        "one": np.ones(1, dtype=np.int64),
        "end": np.full(1, np.iinfo(np.int64).max, dtype=np.int64),
    }
    graph = helper.make_graph(
        nodes,
        "tones",
        [helper.make_tensor_value_info(name, *kind) for name, kind in inputs.items()],
        [helper.make_tensor_value_info(name, *kind) for name, kind in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in (constants | shared).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    told = {name: str(value) for name, value in metadata.items() if value is not None}
    helper.set_model_props(model, told)
    onnx.checker.check_model(model)
    return model


def _mel_centers_hz() -> np.ndarray:
    """Return the center of each of the 80 slaney mels from 0 to 8000 Hz."""
    mels = np.linspace(0.0, 15.0 + np.log(8.0) / (np.log(6.4) / 27.0), 82)[1:-1]
    return np.where(
        mels < 15.0, mels * 200.0 / 3.0, 1000.0 * np.exp((mels - 15.0) * np.log(6.4) / 27)
    )
