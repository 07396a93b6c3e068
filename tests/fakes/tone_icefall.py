"""Transducers that hear tones, in the layouts of icefall."""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper

from fakes.tone_sounds import (
    BLANK_LOGIT,
    SHIFT,
    WIDTH,
    WINDOW,
    Kind,
    context_of,
    hearing,
    make_model,
)


def build(layout: str) -> dict[str, onnx.ModelProto]:
    """Return the encoder, the decoder and the joiner of "lstm", "zipformer", "zipformer2"."""
    encoders = {
        "lstm": _lstm_encoder,
        "zipformer": _zipformer_encoder,
        "zipformer2": _zipformer2_encoder,
    }
    return {"encoder": encoders[layout](), "decoder": _decoder(), "joiner": _joiner()}


def _lstm_encoder() -> onnx.ModelProto:
    state: Kind = (TensorProto.FLOAT, [1, "N", WIDTH])
    sizes = {"num_encoder_layers": 1, "rnn_hidden_size": WIDTH, "d_model": WIDTH}
    return _icefall_encoder(
        "lstm",
        sizes,
        states={"h": state, "c": state},
        before=("h", [1, 0, 2]),
        waiting=("c", [1, 0, 2]),
    )


def _zipformer_encoder() -> onnx.ModelProto:
    floats = TensorProto.FLOAT
    sizes = {
        "encoder_dims": WIDTH,
        "attention_dims": 4,
        "num_encoder_layers": 1,
        "cnn_module_kernels": 2,
        "left_context_len": 8,
    }
    states: dict[str, Kind] = {
        "cached_len_0": (TensorProto.INT64, [1, "N"]),
        "cached_avg_0": (floats, [1, "N", WIDTH]),
        "cached_key_0": (floats, [1, 8, "N", 4]),
        "cached_val_0": (floats, [1, 8, "N", 2]),
        "cached_val2_0": (floats, [1, 8, "N", 2]),
        "cached_conv1_0": (floats, [1, "N", WIDTH, 1]),
        "cached_conv2_0": (floats, [1, "N", WIDTH, 1]),
    }
    carried = [1, 0, 2]
    return _icefall_encoder(
        "zipformer",
        sizes,
        states=states,
        before=("cached_avg_0", carried),
        waiting=("cached_conv1_0", carried),
    )


def _zipformer2_encoder() -> onnx.ModelProto:
    floats = TensorProto.FLOAT
    sizes = {
        "encoder_dims": WIDTH,
        "query_head_dims": 4,
        "value_head_dims": 4,
        "num_heads": 1,
        "num_encoder_layers": 1,
        "cnn_module_kernels": 3,
        "left_context_len": 8,
    }
    states: dict[str, Kind] = {
        "cached_key_0": (floats, [8, "N", 4]),
        "cached_nonlin_attn_0": (floats, [1, "N", 8, 3 * WIDTH // 4]),
        "cached_val1_0": (floats, [8, "N", 4]),
        "cached_val2_0": (floats, [8, "N", 4]),
        "cached_conv1_0": (floats, ["N", WIDTH, 1]),
        "cached_conv2_0": (floats, ["N", WIDTH, 1]),
        "embed_states": (floats, ["N", 128, 3, 19]),
        "processed_lens": (TensorProto.INT64, ["N"]),
    }
    return _icefall_encoder(
        "zipformer2",
        sizes,
        states=states,
        before=("cached_conv1_0", [0, 2, 1]),
        waiting=("cached_conv2_0", [0, 2, 1]),
    )


def _icefall_encoder(
    layout: str,
    sizes: Mapping[str, int],
    *,
    states: Mapping[str, Kind],
    before: tuple[str, list[int]],
    waiting: tuple[str, list[int]],
) -> onnx.ModelProto:
    """Return an encoder.

    Args:
        layout: Its name.
        sizes: Metadata by which sherpa-onnx makes the states.
        states: All of them; those that carry nothing go through.
        before: State that carries what sounded before, and how its axes become
            [N, 1, 12] and back; the fourth axis, if there is one, is of length 1.
        waiting: The same of the frame that waits.
    """
    heard, constants = hearing(layout, _kaldi_centers_hz())
    nodes = [helper.make_node("Identity", ["x"], ["features"])]
    ends = []
    carried = {"before": (*before, "heard"), "waiting": (*waiting, "last")}
    for name, (state, axes, after) in carried.items():
        flat, next_flat = state, f"new_{state}"
        if len(states[state][1]) == 4:
            flat, next_flat = f"flat_{state}", f"next_flat_{state}"
            nodes.append(helper.make_node("Squeeze", [state, "fourth"], [flat]))
            ends.append(helper.make_node("Unsqueeze", [next_flat, "fourth"], [f"new_{state}"]))
        nodes.append(helper.make_node("Transpose", [flat], [name], perm=axes))
        ends.insert(0, helper.make_node("Transpose", [after], [next_flat], perm=axes))
    passed = states.keys() - {before[0], waiting[0]}
    ends += [helper.make_node("Identity", [name], [f"new_{name}"]) for name in sorted(passed)]
    return make_model(
        [*nodes, *heard, *ends],
        constants | {"fourth": np.full(1, 3, dtype=np.int64)},
        inputs={"x": (TensorProto.FLOAT, ["N", WINDOW, 80]), **states},
        outputs={
            "encoder_out": (TensorProto.FLOAT, ["N", 4, WIDTH]),
            **{f"new_{name}": kind for name, kind in states.items()},
        },
        metadata={"model_type": layout, "T": WINDOW, "decode_chunk_len": SHIFT, **sizes},
    )


def _decoder() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Gather", ["y", "last_place"], ["last_token"], axis=1),
        helper.make_node("Gather", ["context", "last_token"], ["decoder_out"], axis=0),
    ]
    return make_model(
        nodes,
        {"context": context_of("lstm"), "last_place": np.array(1, dtype=np.int64)},
        inputs={"y": (TensorProto.INT64, ["N", 2])},
        outputs={"decoder_out": (TensorProto.FLOAT, ["N", WIDTH])},
        metadata={"vocab_size": WIDTH, "context_size": 2},
    )


def _joiner() -> onnx.ModelProto:
    bias = np.zeros(WIDTH, dtype=np.float32)
    bias[0] = BLANK_LOGIT
    return make_model(
        [
            helper.make_node("Add", ["encoder_out", "decoder_out"], ["sum"]),
            helper.make_node("Add", ["sum", "bias"], ["logit"]),
        ],
        {"bias": bias},
        inputs={
            "encoder_out": (TensorProto.FLOAT, ["N", WIDTH]),
            "decoder_out": (TensorProto.FLOAT, ["N", WIDTH]),
        },
        outputs={"logit": (TensorProto.FLOAT, ["N", WIDTH])},
        metadata={"joiner_dim": WIDTH},
    )


def _kaldi_centers_hz() -> np.ndarray:
    """Return the center of each of kaldi's 80 mels from 20 to 7600 Hz."""
    low, high = (1127.0 * np.log(1.0 + limit_hz / 700.0) for limit_hz in (20.0, 7600.0))
    mels = np.linspace(low, high, 82)[1:-1]
    return np.asarray(700.0 * (np.exp(mels / 1127.0) - 1.0))
