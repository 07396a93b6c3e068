"""Checks the ONNX files of a transducer before sherpa-onnx sees them.

sherpa-onnx ends the process where metadata are missing or tokens do not fit, and reads
beyond a tensor where the vocabulary is another than the files'. All of it is looked at
here first, through onnxruntime, which answers with exceptions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rechka.onnx_runtime import onnxruntime
from rechka.recognition.engines.sherpa.model_folder import ModelFiles
from rechka.recognition.model_folders import refuse_file

__all__ = ["Layout", "read_layout"]

_BLANKS = ("<blk>", "<blank>", "<eps>")
_ICEFALL_FRAME_MS = 40

# Numbers and lists of numbers, one a stack of layers, in the encoder's metadata.
_NUMBERS: Mapping[str, tuple[str, ...]] = {
    "lstm": ("num_encoder_layers", "T", "decode_chunk_len", "rnn_hidden_size", "d_model"),
    "zipformer": ("T", "decode_chunk_len"),
    "zipformer2": ("T", "decode_chunk_len"),
}
_LISTS: Mapping[str, tuple[str, ...]] = {
    "lstm": (),
    "zipformer": (
        "encoder_dims",
        "attention_dims",
        "num_encoder_layers",
        "cnn_module_kernels",
        "left_context_len",
    ),
    "zipformer2": (
        "encoder_dims",
        "query_head_dims",
        "value_head_dims",
        "num_heads",
        "num_encoder_layers",
        "cnn_module_kernels",
        "left_context_len",
    ),
}
_NEMO_NUMBERS = (
    "vocab_size",
    "window_size",
    "chunk_shift",
    "subsampling_factor",
    "pred_rnn_layers",
    "pred_hidden",
    *(f"cache_last_{kind}_dim{number}" for kind in ("channel", "time") for number in (1, 2, 3)),
)
_NEMO_INPUTS = 5
_PROMPT = "prompt_index"


@dataclass(frozen=True, slots=True)
class Layout:
    """What the files are.

    Attributes:
        model_type: "lstm", "zipformer", "zipformer2" or "nemo".
        feature_dim: Mel bands of a feature frame.
        frame_ms: Audio that one frame of the encoder stands for.
        can_batch: Whether several streams can be run together.
        prompts: By language in small letters the name under which the encoder knows it;
            empty if it is not told languages.
    """

    model_type: str
    feature_dim: int
    frame_ms: int
    can_batch: bool
    prompts: Mapping[str, str] = field(default_factory=dict)

    def prompt(self, language: str) -> str | None:
        """Return what to tell the encoder of a language; None if it does not know it."""
        key = language.lower().replace("_", "-")
        return self.prompts.get(key) or self.prompts.get(key.partition("-")[0])


def read_layout(files: ModelFiles, tokens: Sequence[str]) -> Layout:
    """Load the three files one after the other, check them, and run the two small ones.

    Args:
        files: Where they lie.
        tokens: Of the model.

    Raises:
        RequestError: A file cannot be loaded, lacks something, is of no layout that is
            known, or does not fit to the others or to the tokens.
    """
    decoder = _OnnxFile(files.decoder)
    if len(decoder.outputs) == 1:
        return _icefall(files, decoder, tokens)
    return _nemo(files, decoder, tokens)


class _OnnxFile:
    """An ONNX file in onnxruntime, not optimized: it is only looked at."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.path = path
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            # onnxruntime has a class for each status, without a base of their own.
            raise refuse_file(path, f"onnxruntime cannot load it: {_first_line(error)}") from None
        self.metadata: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map
        self.inputs = self._session.get_inputs()
        self.outputs = self._session.get_outputs()

    def number(self, name: str, *, lowest: int = 1) -> int:
        """Return a whole number of the metadata."""
        (number,) = self.numbers(name, lowest=lowest, count=1)
        return number

    def numbers(self, name: str, *, lowest: int = 1, count: int | None = None) -> list[int]:
        """Return whole numbers of the metadata, with commas between."""
        text = self.metadata.get(name)
        parts = [] if text is None else text.split(",")
        fits = bool(parts) and all(_is_number(part.strip()) for part in parts)
        if not fits or min(int(part) for part in parts) < lowest or count not in (None, len(parts)):
            kind = "a number" if count == 1 else "numbers"
            raise refuse_file(
                self.path, f"metadata {name}: got {text!r}; accepted: {kind} from {lowest}"
            )
        return [int(part) for part in parts]

    def require(self, *, inputs: int, outputs: int) -> None:
        """Check how many inputs and outputs there are."""
        got = (len(self.inputs), len(self.outputs))
        if got != (inputs, outputs):
            raise refuse_file(
                self.path,
                f"got {got[0]} inputs and {got[1]} outputs; accepted: {inputs} and {outputs}",
            )

    def dimension(self, place: int, *, of: str = "inputs", item: int = 0) -> int | None:
        """Return a dimension of an input or an output; None where it is open.

        Raises:
            RequestError: The tensor has no such dimension.
        """
        shape = getattr(self, of)[item].shape
        if not -len(shape) <= place < len(shape):
            raise refuse_file(
                self.path, f"{of[:-1]} {item} has the shape {shape}, which is too short"
            )
        size = shape[place]
        return size if isinstance(size, int) else None

    def run(self, feeds: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """Return the outputs for the inputs in order.

        Raises:
            RequestError: They do not fit.
        """
        named = {item.name: value for item, value in zip(self.inputs, feeds, strict=True)}
        try:
            outputs: list[npt.NDArray[Any]] = self._session.run(None, named)
        except Exception as error:
            raise refuse_file(self.path, f"it does not run: {_first_line(error)}") from None
        return outputs


def _icefall(files: ModelFiles, decoder: _OnnxFile, tokens: Sequence[str]) -> Layout:
    decoder.require(inputs=1, outputs=1)
    vocabulary = decoder.number("vocab_size")
    context = decoder.number("context_size")
    (decoded,) = decoder.run([np.zeros((1, context), dtype=np.int64)])
    encoder = _OnnxFile(files.encoder)
    model_type = encoder.metadata.get("model_type", "")
    if model_type not in _NUMBERS:
        raise refuse_file(
            encoder.path,
            f"metadata model_type: got {model_type!r}; accepted: {', '.join(_NUMBERS)}",
        )
    numbers = {name: encoder.number(name) for name in _NUMBERS[model_type]}
    _check_window(encoder, numbers["T"], numbers["decode_chunk_len"])
    states = _icefall_states(encoder, model_type)
    encoder.require(inputs=1 + states, outputs=1 + states)
    if len(encoder.outputs[0].shape) != 3 or decoded.ndim != 2:
        raise refuse_file(
            encoder.path, "accepted: an output [N, T, D] of the encoder and [N, D] of the decoder"
        )
    _check_joiner(files.joiner, encoder, [decoded], vocabulary, shape=lambda size: (1, size))
    # The tables of icefall go on with symbols of its graphs, such as "#0".
    if len(tokens) < vocabulary or tokens[0] not in _BLANKS:
        raise refuse_file(
            files.tokens,
            f"got {len(tokens)} tokens, the first is {tokens[0]!r}; accepted: at least the "
            f"{vocabulary} of the model, the first is the blank: {', '.join(_BLANKS)}",
        )
    return Layout(
        model_type,
        feature_dim=encoder.dimension(2) or 80,
        frame_ms=_ICEFALL_FRAME_MS,
        can_batch=encoder.dimension(0) is None,
    )


def _icefall_states(encoder: _OnnxFile, model_type: str) -> int:
    """Return how many tensors of state there must be."""
    lists = {name: encoder.numbers(name) for name in _LISTS[model_type]}
    lengths = {name: len(values) for name, values in lists.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise refuse_file(
            encoder.path, f"metadata: got lists of lengths {listed}; accepted: one length"
        )
    if model_type == "lstm":
        return 2
    stacks = lists["num_encoder_layers"]
    return 7 * len(stacks) if model_type == "zipformer" else 6 * sum(stacks) + 2


def _nemo(files: ModelFiles, decoder: _OnnxFile, tokens: Sequence[str]) -> Layout:
    decoder.require(inputs=4, outputs=4)
    encoder = _OnnxFile(files.encoder)
    numbers = {name: encoder.number(name) for name in _NEMO_NUMBERS}
    _check_window(encoder, numbers["window_size"], numbers["chunk_shift"])
    names = [item.name for item in encoder.inputs]
    is_prompted = names[_NEMO_INPUTS:] == [_PROMPT]
    encoder.require(inputs=_NEMO_INPUTS + is_prompted, outputs=_NEMO_INPUTS)
    feature_dim = encoder.dimension(1)
    if feature_dim is None:
        raise refuse_file(
            encoder.path, f"the input {names[0]} must say how many mel bands it takes"
        )
    state = np.zeros((numbers["pred_rnn_layers"], 1, numbers["pred_hidden"]), dtype=np.float32)
    decoded = decoder.run([np.zeros((1, 1), np.int32), np.ones(1, np.int32), state, state])
    vocabulary = numbers["vocab_size"] + 1
    _check_joiner(files.joiner, encoder, decoded[:1], vocabulary, shape=lambda size: (1, size, 1))
    if len(tokens) != vocabulary or tokens[-1] != _BLANKS[0]:
        raise refuse_file(
            files.tokens,
            f"got {len(tokens)} tokens, the last is {tokens[-1]!r}; accepted: the "
            f"{vocabulary} of the model, the last is the blank {_BLANKS[0]}",
        )
    return Layout(
        "nemo",
        feature_dim=feature_dim,
        frame_ms=10 * numbers["subsampling_factor"],
        can_batch=encoder.dimension(0) is None,
        prompts=_prompts(encoder) if is_prompted else {},
    )


def _check_window(encoder: _OnnxFile, window: int, shift: int) -> None:
    if shift > window:
        raise refuse_file(
            encoder.path,
            f"metadata: got a step of {shift} feature frames; accepted: at most the {window} "
            "of its window",
        )


def _check_joiner(
    path: Path,
    encoder: _OnnxFile,
    decoded: Sequence[npt.NDArray[Any]],
    vocabulary: int,
    *,
    shape: Any,
) -> None:
    """Run the joiner on zeros of the sizes that the other two give."""
    joiner = _OnnxFile(path)
    joiner.require(inputs=2, outputs=1)
    # The encoder of icefall gives [N, T, D], that of NeMo [N, D, T].
    axis = 2 if len(shape(1)) == 2 else 1
    encoded = encoder.dimension(axis, of="outputs") or joiner.dimension(1) or 1
    (logits,) = joiner.run([np.zeros(shape(encoded), dtype=np.float32), *decoded])
    if logits.shape[-1] != vocabulary or logits.size != vocabulary:
        raise refuse_file(
            path,
            f"got {logits.shape[-1]} outputs; accepted: the {vocabulary} tokens of the decoder",
        )


def _prompts(encoder: _OnnxFile) -> dict[str, str]:
    """Return the languages of the encoder's `prompt_dictionary`, and those without a region.

    It is written like JSON: `{"ru-RU": 8, "tr": 9}`; sherpa-onnx reads it as loosely.
    """
    text = encoder.metadata.get("prompt_dictionary", "")
    prompts: dict[str, str] = {}
    for entry in text.replace("\n", ",").replace(";", ",").split(","):
        name, _, number = entry.strip(" {}[]\t").replace("=", ":").rpartition(":")
        name = name.strip().strip("\"'").strip("<>").replace("_", "-").lower()
        if name and _is_number(number.strip().strip("\"'")):
            prompts.setdefault(name, name)
    if not prompts.keys() - {"auto"}:
        raise refuse_file(
            encoder.path,
            f"metadata prompt_dictionary: got {text[:80]!r}; accepted: languages and numbers, "
            'such as {"ru-RU": 8, "tr-TR": 9}',
        )
    for name in list(prompts):
        prompts.setdefault(name.partition("-")[0], name)
    return prompts


def _is_number(text: str) -> bool:
    # sherpa-onnx does not read what only Unicode calls a digit.
    return text.isascii() and text.isdecimal()


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
