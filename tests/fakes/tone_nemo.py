"""A transducer that hears tones, in the layout of NeMo."""

import numpy as np
import onnx
from onnx import TensorProto, helper

from fakes.tone_sounds import (
    BLANK_LOGIT,
    POOL,
    SHIFT,
    WIDTH,
    WINDOW,
    Kind,
    context_of,
    hearing,
    make_model,
    tokens_of,
)


def build() -> dict[str, onnx.ModelProto]:
    """Return the encoder, the decoder and the joiner."""
    return {"encoder": _nemo_encoder(), "decoder": _nemo_decoder(), "joiner": _nemo_joiner()}


def _nemo_encoder() -> onnx.ModelProto:
    nodes, constants = hearing("nemo", _slaney_centers_hz())
    tokens = tokens_of("nemo")
    prompts = np.zeros((3, WIDTH), dtype=np.float32)
    prompts[1, tokens.index("d")] = 1.0
    floats, integers = TensorProto.FLOAT, TensorProto.INT64
    nodes = [
        helper.make_node("Transpose", ["audio_signal"], ["features"], perm=[0, 2, 1]),
        helper.make_node("Squeeze", ["cache_last_time", "one"], ["both"]),
        helper.make_node("Slice", ["both", "begin", "one", "one"], ["before"]),
        helper.make_node("Slice", ["both", "one", "two", "one"], ["waiting"]),
        *nodes,
        helper.make_node("Gather", ["prompts", "prompt_index"], ["prompt"], axis=0),
        helper.make_node("Unsqueeze", ["prompt", "one"], ["prompt_row"]),
        helper.make_node("Add", ["encoder_out", "prompt_row"], ["prompted"]),
        helper.make_node("Transpose", ["prompted"], ["outputs"], perm=[0, 2, 1]),
        helper.make_node("Concat", ["heard", "last"], ["both_next"], axis=1),
        helper.make_node("Unsqueeze", ["both_next", "one"], ["cache_last_time_next"]),
        helper.make_node("Add", ["cache_last_channel", "unit"], ["cache_last_channel_next"]),
        helper.make_node("Add", ["cache_last_channel_len", "one"], ["cache_last_channel_next_len"]),
        helper.make_node("Div", ["length", "four"], ["encoded_lengths"]),
    ]
    constants |= {"prompts": prompts, "four": np.full(1, POOL, dtype=np.int64)}
    channel: Kind = (floats, ["N", 1, 1, 1])
    time: Kind = (floats, ["N", 1, 2, WIDTH])
    metadata: dict[str, object] = {
        "vocab_size": WIDTH - 1,
        "window_size": WINDOW,
        "chunk_shift": SHIFT,
        "subsampling_factor": POOL,
        "normalize_type": "",
        "pred_rnn_layers": 1,
        "pred_hidden": 4,
        "prompt_dictionary": '{"ru-RU": 0, "tr": 1, "auto": 2}',
        "auto_prompt_id": 2,
    }
    metadata |= {f"cache_last_channel_dim{number}": 1 for number in (1, 2, 3)}
    metadata |= {
        "cache_last_time_dim1": 1,
        "cache_last_time_dim2": 2,
        "cache_last_time_dim3": WIDTH,
    }
    return make_model(
        nodes,
        constants,
        inputs={
            "audio_signal": (floats, ["N", 80, "T"]),
            "length": (integers, ["N"]),
            "cache_last_channel": channel,
            "cache_last_time": time,
            "cache_last_channel_len": (integers, ["N"]),
            "prompt_index": (integers, ["N"]),
        },
        outputs={
            "outputs": (floats, ["N", WIDTH, "F"]),
            "encoded_lengths": (integers, ["N"]),
            "cache_last_channel_next": channel,
            "cache_last_time_next": time,
            "cache_last_channel_next_len": (integers, ["N"]),
        },
        metadata=metadata,
    )


def _nemo_decoder() -> onnx.ModelProto:
    state: Kind = (TensorProto.FLOAT, [1, "N", 4])
    return make_model(
        [
            helper.make_node("Gather", ["context", "targets"], ["rows"], axis=0),
            helper.make_node("Transpose", ["rows"], ["outputs"], perm=[0, 2, 1]),
            helper.make_node("Identity", ["target_length"], ["prednet_lengths"]),
            helper.make_node("Identity", ["states.1"], ["states"]),
            helper.make_node("Identity", ["onnx::Slice_3"], ["162"]),
        ],
        {"context": context_of("nemo")},
        inputs={
            "targets": (TensorProto.INT32, ["N", 1]),
            "target_length": (TensorProto.INT32, ["N"]),
            "states.1": state,
            "onnx::Slice_3": state,
        },
        outputs={
            "outputs": (TensorProto.FLOAT, ["N", WIDTH, 1]),
            "prednet_lengths": (TensorProto.INT32, ["N"]),
            "states": state,
            "162": state,
        },
        metadata={},
    )


def _nemo_joiner() -> onnx.ModelProto:
    bias = np.zeros(WIDTH, dtype=np.float32)
    bias[-1] = BLANK_LOGIT
    return make_model(
        [
            helper.make_node("Add", ["encoder_outputs", "decoder_outputs"], ["sum"]),
            helper.make_node("Transpose", ["sum"], ["rows"], perm=[0, 2, 1]),
            helper.make_node("Add", ["rows", "bias"], ["flat"]),
            helper.make_node("Unsqueeze", ["flat", "one"], ["logits"]),
        ],
        {"bias": bias, "one": np.ones(1, dtype=np.int64)},
        inputs={
            "encoder_outputs": (TensorProto.FLOAT, ["N", WIDTH, 1]),
            "decoder_outputs": (TensorProto.FLOAT, ["N", WIDTH, 1]),
        },
        outputs={"logits": (TensorProto.FLOAT, ["N", 1, 1, WIDTH])},
        metadata={},
    )


def _slaney_centers_hz() -> np.ndarray:
    """Return the center of each of the 80 slaney mels from 0 to 8000 Hz."""
    mels = np.linspace(0.0, 15.0 + np.log(8.0) / (np.log(6.4) / 27.0), 82)[1:-1]
    return np.where(
        mels < 15.0, mels * 200.0 / 3.0, 1000.0 * np.exp((mels - 15.0) * np.log(6.4) / 27)
    )
