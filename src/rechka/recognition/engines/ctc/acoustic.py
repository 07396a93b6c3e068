"""The acoustic side of a model: from samples to log-probabilities of tokens.

A contract says what an ONNX file eats and gives. All contracts here keep the state of
a stream outside of the file, in tensors that go in and come out, so that streams can
be stacked and run together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rechka.audio.samples import Samples
from rechka.onnx_runtime import onnxruntime
from rechka.recognition.model_folders import refuse_file

__all__ = ["AcousticModel", "AcousticState", "Front", "OnnxGraph", "run_together"]

Floats = npt.NDArray[np.float32]
Tensors = tuple[npt.NDArray[Any], ...]


class Front(Protocol):
    """Cuts one stream's samples into what the model eats at a time."""

    def copy(self) -> "Front":
        """Return one that goes on from here on its own."""
        ...

    def accept(self, samples: Samples) -> None:
        """Keep samples until their chunk is taken."""
        ...

    @property
    def missing_samples(self) -> int:
        """Samples until the next chunk is whole; at least 1 after all chunks were taken."""
        ...

    def next_chunk(self) -> npt.NDArray[Any] | None:
        """Return the next chunk, always of the same shape; None until it is whole."""
        ...


class AcousticModel(Protocol):
    """A loaded ONNX file and its contract. Constant; shared by streams.

    Attributes:
        sample_rate_hz: Rate of the samples it eats.
        frame_ms: Length of audio that one output frame stands for.
        delay_ms: How much later than its sound an output frame is.
        tail_ms: Silence that must follow the last sound until all of it has come out.
        lead_ms: Silence that every utterance begins with, put before its audio.
        outputs: How many tokens there are, the blank among them.
    """

    sample_rate_hz: int
    frame_ms: int
    delay_ms: int
    tail_ms: int
    lead_ms: int
    outputs: int

    def begin(self) -> "AcousticState":
        """Return the state at the beginning of an utterance."""
        ...

    def run(
        self, chunks: Sequence[npt.NDArray[Any]], tensors: Sequence[Tensors]
    ) -> tuple[list[Floats], list[Tensors]]:
        """Run one chunk of each of several streams together.

        Returns:
            Log-probabilities of each stream, shape (frames, outputs), and its next tensors.
        """
        ...


@dataclass(slots=True)
class AcousticState:
    """Where one stream stands.

    Attributes:
        front: Samples that are not used up yet.
        tensors: What the model remembers.
        log_probs: What came out in this call and nobody has taken yet.
    """

    front: Front
    tensors: Tensors
    log_probs: list[Floats] = field(default_factory=list)

    def fork(self, samples: Samples) -> "AcousticState":
        """Return a copy that has got these samples too; this one stays as it is."""
        front = self.front.copy()
        front.accept(samples)
        return AcousticState(front, self.tensors)


def run_together(model: AcousticModel, states: Sequence[AcousticState], *, most: int) -> None:
    """Use up all whole chunks of several streams, those of the same turn together.

    Args:
        model: Whose the states are.
        states: Any number, each once; they are changed.
        most: Streams that are run at once.

    Raises:
        RuntimeError: What came out are no numbers.
    """
    running = list(states)
    while running:
        chunks = [state.front.next_chunk() for state in running]
        ready = [
            (state, chunk)
            for state, chunk in zip(running, chunks, strict=True)
            if chunk is not None
        ]
        for begin in range(0, len(ready), most):
            part = ready[begin : begin + most]
            log_probs, tensors = model.run(
                [chunk for _, chunk in part], [state.tensors for state, _ in part]
            )
            for (state, _), rows, after in zip(part, log_probs, tensors, strict=True):
                if np.isnan(rows).any():
                    raise RuntimeError("the acoustic model gave values that are no numbers")
                state.log_probs.append(rows)
                state.tensors = after
        running = [state for state, _ in ready]


class OnnxGraph:
    """An ONNX file in onnxruntime, with errors that name the file.

    Args:
        path: The file.
        threads: Threads of one run.
        inputs: Name of each input and its type as onnxruntime writes it, in order;
            None stands for any type.
        outputs: How many outputs there are.

    Raises:
        RequestError: It cannot be loaded, or its inputs are others.
    """

    def __init__(
        self, path: Path, *, threads: int, inputs: Mapping[str, str | None], outputs: int
    ) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # A thread that spins while it waits takes a core from the other workers.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            # onnxruntime has a class for each status, without a base of their own.
            first_line = str(error).partition("\n")[0]
            raise refuse_file(path, f"onnxruntime cannot load it: {first_line}") from None
        self._path = path
        self.metadata: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map
        self.inputs = self._session.get_inputs()
        got = [f"{item.name} {item.type}" for item in self.inputs]
        names = [item.name for item in self.inputs]
        fits = names == list(inputs) and all(
            kind is None or item.type == kind
            for item, kind in zip(self.inputs, inputs.values(), strict=True)
        )
        if not fits or len(self._session.get_outputs()) != outputs:
            wanted = ", ".join(f"{name} {kind or ''}".strip() for name, kind in inputs.items())
            raise refuse_file(
                path,
                f"got the inputs {', '.join(got)} and {len(self._session.get_outputs())} outputs; "
                f"accepted: {wanted} and {outputs} outputs",
            )

    @property
    def last_dimension(self) -> int | None:
        """Last dimension of the first output; None where it is open."""
        size = self._session.get_outputs()[0].shape[-1]
        return size if isinstance(size, int) else None

    def number(self, name: str, *, default: int | None = None, lowest: int = 1) -> int:
        """Return a whole number of the metadata.

        Raises:
            RequestError: It is missing without a default, or too small.
        """
        text = self.metadata.get(name)
        if text is None and default is not None:
            return default
        try:
            value = int(text or "")
        except ValueError:
            value = lowest - 1
        if value < lowest:
            raise refuse_file(
                self._path, f"metadata {name}: got {text!r}; accepted: a number from {lowest}"
            )
        return value

    def run(self, feeds: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """Return all outputs for the inputs in order."""
        named = {item.name: feed for item, feed in zip(self.inputs, feeds, strict=True)}
        outputs: list[npt.NDArray[Any]] = self._session.run(None, named)
        return outputs
