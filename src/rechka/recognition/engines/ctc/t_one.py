"""Contract "t-one": 8 kHz samples in, one state tensor carried along.

Inputs: `signal` int32 [N, 2400, 1] of 16-bit samples, `state` float16 [N, state_dim].
Outputs: log-probabilities [N, 10, tokens], one frame of 30 ms each, and the next state.
Metadata: `frame_length_ms`, `state_dim`, `sample_rate`. The model's authors put 300 ms
of silence before an utterance, and give its output's delay as 330 ms.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rechka.audio.samples import Samples
from rechka.recognition.engines.ctc.acoustic import AcousticState, OnnxGraph
from rechka.recognition.engines.ctc.graph_file import refuse

__all__ = ["ToneModel"]

Floats = npt.NDArray[np.float32]
Tensors = tuple[npt.NDArray[Any], ...]

_INPUTS = {"signal": "tensor(int32)", "state": None}
_OUTPUTS = 2
_DELAY_MS = 330
_LEAD_MS = 300
_FULL_SCALE = 32768.0


class ToneModel:
    """A file of this contract.

    Args:
        path: `model.onnx`.
        threads: Threads of one run.

    Raises:
        RequestError: It is no such file.
    """

    def __init__(self, path: Path, *, threads: int) -> None:
        graph = OnnxGraph(path, threads=threads, inputs=_INPUTS, outputs=_OUTPUTS)
        self._graph = graph
        self.sample_rate_hz = graph.number("sample_rate")
        self.frame_ms = graph.number("frame_length_ms")
        self.delay_ms = graph.number("delay_ms", default=_DELAY_MS, lowest=0)
        self.lead_ms = graph.number("lead_ms", default=_LEAD_MS, lowest=0)
        chunk = graph.inputs[0].shape[1]
        if not isinstance(chunk, int):
            raise refuse(path, f"input signal: got the length {chunk!r}; accepted: a fixed number")
        if graph.last_dimension is None:
            raise refuse(path, "first output: its last dimension is open; accepted: a fixed number")
        self._chunk = chunk
        self.outputs = graph.last_dimension
        self.tail_ms = self.delay_ms + 1000 * chunk // self.sample_rate_hz
        kind = np.float16 if graph.inputs[1].type == "tensor(float16)" else np.float32
        self._state = np.zeros(graph.number("state_dim"), dtype=kind)

    def begin(self) -> AcousticState:
        """Return the state at the beginning of an utterance: zeros."""
        return AcousticState(_Front(self._chunk), (self._state,))

    def run(
        self, chunks: Sequence[npt.NDArray[Any]], tensors: Sequence[Tensors]
    ) -> tuple[list[Floats], list[Tensors]]:
        """Run one chunk of each of several streams together."""
        signal = np.stack(chunks)[:, :, None]
        states = np.stack([state for (state,) in tensors])
        log_probs, after = self._graph.run([signal, states])
        return list(log_probs.astype(np.float32)), [(state.copy(),) for state in after]


class _Front:
    """Chunks of 16-bit samples."""

    def __init__(self, chunk: int) -> None:
        self._chunk = chunk
        self._samples: Samples = np.zeros(0, dtype=np.float32)

    def copy(self) -> "_Front":
        other = _Front(self._chunk)
        other._samples = self._samples
        return other

    def accept(self, samples: Samples) -> None:
        self._samples = np.concatenate([self._samples, samples])

    def next_chunk(self) -> npt.NDArray[np.int32] | None:
        if len(self._samples) < self._chunk:
            return None
        chunk, self._samples = self._samples[: self._chunk], self._samples[self._chunk :]
        scaled = np.clip(np.rint(chunk * np.float32(_FULL_SCALE)), -32768, 32767)
        whole: npt.NDArray[np.int32] = scaled.astype(np.int32)
        return whole
