"""Transducers that hear tones: each token has a frequency of its own.

They are real ONNX files of the layouts that sherpa-onnx reads: "lstm", "zipformer" and
"zipformer2" as icefall exports them, and "nemo" with a language prompt. What they do is
known:

- A token comes where its tone begins, one frame of 40 ms later than it sounds: the frame
  that waits, and what sounded before, are in the states that are carried along.
- The tone "?" is a "b" or, a little less likely, a "d"; after a "▁c" it is the "d".
- The tone "," is a comma. In the layout "nemo" the prompt 1 (Turkish) makes "?" a "d".

All tensors are 12 wide: that many tokens there are, and that many classes of sound.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

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
WIDTH = 12
Kind = tuple[int, Sequence[str | int]]
Constants = dict[str, np.ndarray]
_SILENCE = len(TONES_HZ)
# Log-mel energy, the mean of a frame, above which there is a tone.
_THRESHOLD = -3.0
BLANK_LOGIT = 6.0
WINDOW, SHIFT, POOL = 20, 16, 4
_SURE, _LIKELY, _LESS_LIKELY = 16.0, 10.0, 9.5


def tokens_of(layout: str) -> tuple[str, ...]:
    """Return the tokens in order: the blank is the first, in "nemo" the last one."""
    return (*_PLAIN, "<blk>") if layout == "nemo" else ("<blk>", *_PLAIN)


def _scores(layout: str) -> np.ndarray:
    """Return what each class of sound adds to each token where it begins."""
    tokens = tokens_of(layout)
    scores = np.zeros((WIDTH, WIDTH), dtype=np.float32)
    for sound, name in enumerate(TONES_HZ):
        if name == "?":
            scores[sound, tokens.index("b")] = _LIKELY
            scores[sound, tokens.index("d")] = _LESS_LIKELY
        else:
            scores[sound, tokens.index(name)] = _SURE
    return scores


def context_of(layout: str) -> np.ndarray:
    """Return what the last token adds to each of the next ones."""
    tokens = tokens_of(layout)
    context = np.zeros((WIDTH, WIDTH), dtype=np.float32)
    context[tokens.index("▁c"), tokens.index("d")] = 1.0
    if layout == "nemo":
        # Its search takes tokens of a frame until there is a blank.
        np.fill_diagonal(context, -30.0)
        for one, other in (("b", "d"), ("d", "b")):
            context[tokens.index(one), tokens.index(other)] = -30.0
        context[tokens.index("<blk>"), tokens.index("<blk>")] = 0.0
    return context


def hearing(layout: str, centers_hz: np.ndarray) -> tuple[list[onnx.NodeProto], Constants]:
    """Return how `features` [N, T, 80], `before` and `waiting` [N, 1, 12] become scores.

    The scores are in `encoder_out` [N, 4, 12]; `heard` and `last` are for the next time.
    """
    nodes = [
        helper.make_node("Slice", ["features", "begin", "shift", "one"], ["fresh_features"]),
        helper.make_node("Transpose", ["fresh_features"], ["mels"], perm=[0, 2, 1]),
        helper.make_node("AveragePool", ["mels"], ["pooled"], kernel_shape=[POOL], strides=[POOL]),
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
    picked = np.zeros((80, WIDTH), dtype=np.float32)
    for sound, tone_hz in enumerate(TONES_HZ.values()):
        picked[int(np.abs(centers_hz - tone_hz).argmin()), sound] = 1.0
    quiet = np.zeros(WIDTH, dtype=np.float32)
    quiet[_SILENCE] = _THRESHOLD
    quiet[_SILENCE + 1 :] = -100.0
    constants = {
        "picked": picked,
        "quiet": quiet,
        "scores": _scores(layout),
        "width": np.array(WIDTH, dtype=np.int64),
        "off_on": np.array([0.0, 1.0], dtype=np.float32),
        "unit": np.ones(1, dtype=np.float32),
        "begin": np.zeros(1, dtype=np.int64),
        "shift": np.full(1, SHIFT, dtype=np.int64),
        "one": np.ones(1, dtype=np.int64),
        "two": np.full(1, 2, dtype=np.int64),
        "minus_one": np.full(1, -1, dtype=np.int64),
        "end": np.full(1, np.iinfo(np.int64).max, dtype=np.int64),
    }
    return nodes, constants


def make_model(
    nodes: list[onnx.NodeProto],
    constants: Mapping[str, np.ndarray],
    *,
    inputs: Mapping[str, Kind],
    outputs: Mapping[str, Kind],
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
