"""Transducers that hear tones: each token has a frequency of its own.

They are real ONNX files of the layouts that sherpa-onnx reads: "lstm" and "zipformer2"
as icefall exports them, and "nemo" with a language prompt. What they do is known:

- A token comes where its tone begins, one frame of 40 ms later than it sounds: the frame
  that waits, and what sounded before, are in the states that are carried along.
- The tone "?" is a "b" or, a little less likely, a "d"; after a "▁c" it is the "d".
- The tone "," is a comma. In the layout "nemo" the prompt 1 (Turkish) makes "?" a "d".

All tensors are 12 wide: that many tokens there are, and that many classes of sound.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Tones of the tokens, far enough from each other to fall into other mels.
TONES_HZ: Mapping[str, float] = {
    "▁a": 409.0,
    "▁b": 670.0,
    "▁c": 967.0,
    "▁d": 1350.0,
    "a": 1800.0,
    "b": 2350.0,
    "c": 3000.0,
    "d": 3700.0,
    "?": 4500.0,
    ",": 5500.0,
}
_PLAIN = ("<unk>", *[token for token in TONES_HZ if token != "?"], "▁")
_WIDTH = 12
_Kind = tuple[int, Sequence[str | int]]
_Constants = dict[str, np.ndarray]
_SILENCE = len(TONES_HZ)
# Log-mel energy, the mean of a frame, above which there is a tone.
_THRESHOLD = -3.0
_BLANK_LOGIT = 6.0
_WINDOW, _SHIFT, _POOL = 20, 16, 4
_SURE, _LIKELY, _LESS_LIKELY = 16.0, 10.0, 9.5


def tokens_of(layout: str) -> tuple[str, ...]:
    """Return the tokens in order: the blank is the first, in "nemo" the last one."""
    return (*_PLAIN, "<blk>") if layout == "nemo" else ("<blk>", *_PLAIN)


def build(layout: str) -> dict[str, onnx.ModelProto]:
    """Return the encoder, the decoder and the joiner of a layout."""
    if layout == "nemo":
        return {"encoder": _nemo_encoder(), "decoder": _nemo_decoder(), "joiner": _nemo_joiner()}
    encoder = _lstm_encoder() if layout == "lstm" else _zipformer2_encoder()
    return {"encoder": encoder, "decoder": _decoder(), "joiner": _joiner()}


def _scores(layout: str) -> np.ndarray:
    """Return what each class of sound adds to each token where it begins."""
    tokens = tokens_of(layout)
    scores = np.zeros((_WIDTH, _WIDTH), dtype=np.float32)
    for sound, name in enumerate(TONES_HZ):
        if name == "?":
            scores[sound, tokens.index("b")] = _LIKELY
            scores[sound, tokens.index("d")] = _LESS_LIKELY
        else:
            scores[sound, tokens.index(name)] = _SURE
    return scores


def _context(layout: str) -> np.ndarray:
    """Return what the last token adds to each of the next ones."""
    tokens = tokens_of(layout)
    context = np.zeros((_WIDTH, _WIDTH), dtype=np.float32)
    context[tokens.index("▁c"), tokens.index("d")] = 1.0
    if layout == "nemo":
        # Its search takes tokens of a frame until there is a blank.
        np.fill_diagonal(context, -30.0)
        for one, other in (("b", "d"), ("d", "b")):
            context[tokens.index(one), tokens.index(other)] = -30.0
        context[tokens.index("<blk>"), tokens.index("<blk>")] = 0.0
    return context


def _hearing(layout: str, centers_hz: np.ndarray) -> tuple[list[onnx.NodeProto], _Constants]:
    """Return how `features` [N, T, 80], `before` and `waiting` [N, 1, 12] become scores.

    The scores are in `encoder_out` [N, 4, 12]; `heard` and `last` are for the next time.
    """
    nodes = [
        helper.make_node("Slice", ["features", "begin", "shift", "one"], ["fresh_features"]),
        helper.make_node("Transpose", ["fresh_features"], ["mels"], perm=[0, 2, 1]),
        helper.make_node(
            "AveragePool", ["mels"], ["pooled"], kernel_shape=[_POOL], strides=[_POOL]
        ),
        helper.make_node("Transpose", ["pooled"], ["frames"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["frames", "picked"], ["tones"]),
        helper.make_node("Add", ["tones", "quiet"], ["energies"]),
        helper.make_node("ArgMax", ["energies"], ["sound"], axis=2, keepdims=0),
        helper.make_node("OneHot", ["sound", "width", "off_on"], ["sounds"], axis=-1),
        helper.make_node("Concat", ["before", "sounds"], ["long_sounds"], axis=1),
        helper.make_node("Slice", ["long_sounds", "begin", "minus_one", "one"], ["previous"]),
        helper.make_node("Slice", ["long_sounds", "minus_one", "end", "one"], ["heard"]),
        helper.make_node("Sub", ["unit", "previous"], ["not_before"]),
        helper.make_node("Mul", ["sounds", "not_before"], ["onsets"]),
        helper.make_node("MatMul", ["onsets", "scores"], ["scored"]),
        helper.make_node("Concat", ["waiting", "scored"], ["long_scores"], axis=1),
        helper.make_node("Slice", ["long_scores", "begin", "minus_one", "one"], ["encoder_out"]),
        helper.make_node("Slice", ["long_scores", "minus_one", "end", "one"], ["last"]),
    ]
    picked = np.zeros((80, _WIDTH), dtype=np.float32)
    for sound, tone_hz in enumerate(TONES_HZ.values()):
        picked[int(np.abs(centers_hz - tone_hz).argmin()), sound] = 1.0
    quiet = np.zeros(_WIDTH, dtype=np.float32)
    quiet[_SILENCE] = _THRESHOLD
    quiet[_SILENCE + 1 :] = -100.0
    constants = {
        "picked": picked,
        "quiet": quiet,
        "scores": _scores(layout),
        "width": np.array(_WIDTH, dtype=np.int64),
        "off_on": np.array([0.0, 1.0], dtype=np.float32),
        "unit": np.ones(1, dtype=np.float32),
        "begin": np.zeros(1, dtype=np.int64),
        "shift": np.full(1, _SHIFT, dtype=np.int64),
        "one": np.ones(1, dtype=np.int64),
        "two": np.full(1, 2, dtype=np.int64),
        "minus_one": np.full(1, -1, dtype=np.int64),
        "end": np.full(1, np.iinfo(np.int64).max, dtype=np.int64),
    }
    return nodes, constants


def _lstm_encoder() -> onnx.ModelProto:
    nodes, constants = _hearing("lstm", _kaldi_centers_hz())
    nodes = [
        helper.make_node("Identity", ["x"], ["features"]),
        helper.make_node("Transpose", ["h"], ["before"], perm=[1, 0, 2]),
        helper.make_node("Transpose", ["c"], ["waiting"], perm=[1, 0, 2]),
        *nodes,
        helper.make_node("Transpose", ["heard"], ["next_h"], perm=[1, 0, 2]),
        helper.make_node("Transpose", ["last"], ["next_c"], perm=[1, 0, 2]),
    ]
    state: _Kind = (TensorProto.FLOAT, [1, "N", _WIDTH])
    return _model(
        nodes,
        constants,
        inputs={"x": (TensorProto.FLOAT, ["N", _WINDOW, 80]), "h": state, "c": state},
        outputs={
            "encoder_out": (TensorProto.FLOAT, ["N", 4, _WIDTH]),
            "next_h": state,
            "next_c": state,
        },
        metadata={
            "model_type": "lstm",
            "num_encoder_layers": 1,
            "T": _WINDOW,
            "decode_chunk_len": _SHIFT,
            "rnn_hidden_size": _WIDTH,
            "d_model": _WIDTH,
        },
    )


def _zipformer2_encoder() -> onnx.ModelProto:
    nodes, constants = _hearing("zipformer2", _kaldi_centers_hz())
    floats = TensorProto.FLOAT
    states: dict[str, _Kind] = {
        "cached_key_0": (floats, [8, "N", 4]),
        "cached_nonlin_attn_0": (floats, [1, "N", 8, 3 * _WIDTH // 4]),
        "cached_val1_0": (floats, [8, "N", 4]),
        "cached_val2_0": (floats, [8, "N", 4]),
        "cached_conv1_0": (floats, ["N", _WIDTH, 1]),
        "cached_conv2_0": (floats, ["N", _WIDTH, 1]),
        "embed_states": (floats, ["N", 128, 3, 19]),
        "processed_lens": (TensorProto.INT64, ["N"]),
    }
    carried = {"cached_conv1_0": "heard", "cached_conv2_0": "last"}
    nodes = [
        helper.make_node("Identity", ["x"], ["features"]),
        helper.make_node("Transpose", ["cached_conv1_0"], ["before"], perm=[0, 2, 1]),
        helper.make_node("Transpose", ["cached_conv2_0"], ["waiting"], perm=[0, 2, 1]),
        *nodes,
    ]
    for name in states:
        if name in carried:
            node = helper.make_node("Transpose", [carried[name]], [f"new_{name}"], perm=[0, 2, 1])
        else:
            node = helper.make_node("Identity", [name], [f"new_{name}"])
        nodes.append(node)
    return _model(
        nodes,
        constants,
        inputs={"x": (floats, ["N", _WINDOW, 80]), **states},
        outputs={
            "encoder_out": (floats, ["N", 4, _WIDTH]),
            **{f"new_{name}": kind for name, kind in states.items()},
        },
        metadata={
            "model_type": "zipformer2",
            "encoder_dims": _WIDTH,
            "query_head_dims": 4,
            "value_head_dims": 4,
            "num_heads": 1,
            "num_encoder_layers": 1,
            "cnn_module_kernels": 3,
            "left_context_len": 8,
            "T": _WINDOW,
            "decode_chunk_len": _SHIFT,
        },
    )


def _decoder() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Gather", ["y", "last_place"], ["last_token"], axis=1),
        helper.make_node("Gather", ["context", "last_token"], ["decoder_out"], axis=0),
    ]
    return _model(
        nodes,
        {"context": _context("lstm"), "last_place": np.array(1, dtype=np.int64)},
        inputs={"y": (TensorProto.INT64, ["N", 2])},
        outputs={"decoder_out": (TensorProto.FLOAT, ["N", _WIDTH])},
        metadata={"vocab_size": _WIDTH, "context_size": 2},
    )


def _joiner() -> onnx.ModelProto:
    bias = np.zeros(_WIDTH, dtype=np.float32)
    bias[0] = _BLANK_LOGIT
    return _model(
        [
            helper.make_node("Add", ["encoder_out", "decoder_out"], ["sum"]),
            helper.make_node("Add", ["sum", "bias"], ["logit"]),
        ],
        {"bias": bias},
        inputs={
            "encoder_out": (TensorProto.FLOAT, ["N", _WIDTH]),
            "decoder_out": (TensorProto.FLOAT, ["N", _WIDTH]),
        },
        outputs={"logit": (TensorProto.FLOAT, ["N", _WIDTH])},
        metadata={"joiner_dim": _WIDTH},
    )


def _nemo_encoder() -> onnx.ModelProto:
    nodes, constants = _hearing("nemo", _slaney_centers_hz())
    tokens = tokens_of("nemo")
    prompts = np.zeros((3, _WIDTH), dtype=np.float32)
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
    constants |= {"prompts": prompts, "four": np.full(1, _POOL, dtype=np.int64)}
    channel: _Kind = (floats, ["N", 1, 1, 1])
    time: _Kind = (floats, ["N", 1, 2, _WIDTH])
    metadata: dict[str, object] = {
        "vocab_size": _WIDTH - 1,
        "window_size": _WINDOW,
        "chunk_shift": _SHIFT,
        "subsampling_factor": _POOL,
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
        "cache_last_time_dim3": _WIDTH,
    }
    return _model(
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
            "outputs": (floats, ["N", _WIDTH, "F"]),
            "encoded_lengths": (integers, ["N"]),
            "cache_last_channel_next": channel,
            "cache_last_time_next": time,
            "cache_last_channel_next_len": (integers, ["N"]),
        },
        metadata=metadata,
    )


def _nemo_decoder() -> onnx.ModelProto:
    state: _Kind = (TensorProto.FLOAT, [1, "N", 4])
    return _model(
        [
            helper.make_node("Gather", ["context", "targets"], ["rows"], axis=0),
            helper.make_node("Transpose", ["rows"], ["outputs"], perm=[0, 2, 1]),
            helper.make_node("Identity", ["target_length"], ["prednet_lengths"]),
            helper.make_node("Identity", ["states.1"], ["states"]),
            helper.make_node("Identity", ["onnx::Slice_3"], ["162"]),
        ],
        {"context": _context("nemo")},
        inputs={
            "targets": (TensorProto.INT32, ["N", 1]),
            "target_length": (TensorProto.INT32, ["N"]),
            "states.1": state,
            "onnx::Slice_3": state,
        },
        outputs={
            "outputs": (TensorProto.FLOAT, ["N", _WIDTH, 1]),
            "prednet_lengths": (TensorProto.INT32, ["N"]),
            "states": state,
            "162": state,
        },
        metadata={},
    )


def _nemo_joiner() -> onnx.ModelProto:
    bias = np.zeros(_WIDTH, dtype=np.float32)
    bias[-1] = _BLANK_LOGIT
    return _model(
        [
            helper.make_node("Add", ["encoder_outputs", "decoder_outputs"], ["sum"]),
            helper.make_node("Transpose", ["sum"], ["rows"], perm=[0, 2, 1]),
            helper.make_node("Add", ["rows", "bias"], ["flat"]),
            helper.make_node("Unsqueeze", ["flat", "one"], ["logits"]),
        ],
        {"bias": bias, "one": np.ones(1, dtype=np.int64)},
        inputs={
            "encoder_outputs": (TensorProto.FLOAT, ["N", _WIDTH, 1]),
            "decoder_outputs": (TensorProto.FLOAT, ["N", _WIDTH, 1]),
        },
        outputs={"logits": (TensorProto.FLOAT, ["N", 1, 1, _WIDTH])},
        metadata={},
    )


def _model(
    nodes: list[onnx.NodeProto],
    constants: Mapping[str, np.ndarray],
    *,
    inputs: Mapping[str, _Kind],
    outputs: Mapping[str, _Kind],
    metadata: Mapping[str, object],
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "tones",
        [helper.make_tensor_value_info(name, *kind) for name, kind in inputs.items()],
        [helper.make_tensor_value_info(name, *kind) for name, kind in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, {name: str(value) for name, value in metadata.items()})
    onnx.checker.check_model(model)
    return model


def _kaldi_centers_hz() -> np.ndarray:
    """Return the center of each of kaldi's 80 mels from 20 to 7600 Hz."""
    low, high = (1127.0 * np.log(1.0 + limit_hz / 700.0) for limit_hz in (20.0, 7600.0))
    mels = np.linspace(low, high, 82)[1:-1]
    return np.asarray(700.0 * (np.exp(mels / 1127.0) - 1.0))


def _slaney_centers_hz() -> np.ndarray:
    """Return the center of each of the 80 slaney mels from 0 to 8000 Hz."""
    mels = np.linspace(0.0, 15.0 + np.log(8.0) / (np.log(6.4) / 27.0), 82)[1:-1]
    return np.where(
        mels < 15.0, mels * 200.0 / 3.0, 1000.0 * np.exp((mels - 15.0) * np.log(6.4) / 27)
    )
