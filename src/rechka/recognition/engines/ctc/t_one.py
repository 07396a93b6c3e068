"""Contract "t-one": 8 kHz samples in, one state tensor carried along.

Inputs: `signal` int32 [N, 2400, 1] of 16-bit samples, `state` float16 [N, state_dim].
Outputs: log-probabilities [N, 10, tokens], one frame of 30 ms each, and the next state.
Metadata, as sherpa-onnx writes them: `frame_length_ms`, the length of a whole `signal`
(300), `state_dim`, `sample_rate`. The model's authors put 300 ms of silence before an
utterance, and give its output's delay as 330 ms.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rechka.audio.samples import Samples
from rechka.recognition.engines.ctc.acoustic import AcousticState, OnnxGraph
from rechka.recognition.model_folders import refuse_file

__all__ = ["ToneModel"]

Floats = npt.NDArray[np.float32]
Tensors = tuple[npt.NDArray[Any], ...]

_INPUTS = {"signal": "tensor(int32)", "state": None}
_OUTPUTS = 2
_RANK = 3
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
        self._path = path
        self.sample_rate_hz = graph.number("sample_rate")
        self.delay_ms = graph.number("delay_ms", default=_DELAY_MS, lowest=0)
        self.lead_ms = graph.number("lead_ms", default=_LEAD_MS, lowest=0)
        chunk_ms = graph.number("frame_length_ms")
        chunk = graph.inputs[0].shape[1]
        if not isinstance(chunk, int):
            raise refuse_file(path, f"input signal: got length {chunk!r}; accepted: a fixed number")
        if chunk_ms * self.sample_rate_hz != chunk * 1000:
            raise refuse_file(
                path,
                f"metadata frame_length_ms: got {chunk_ms}; accepted: "
                f"{chunk * 1000 / self.sample_rate_hz:g}, the length of {chunk} samples of signal",
            )
        self._chunk = chunk
        self.tail_ms = self.delay_ms + chunk_ms
        kinds = {"tensor(float16)": np.float16, "tensor(float)": np.float32}
        kind = kinds.get(graph.inputs[1].type)
        if kind is None:
            got = graph.inputs[1].type
            raise refuse_file(path, f"input state: got {got}; accepted: {', '.join(kinds)}")
        self._state = np.zeros(graph.number("state_dim"), dtype=kind)
        frames, self.outputs = self._measure()
        if chunk_ms % frames:
            raise refuse_file(
                path,
                f"first output: got {frames} frames for {chunk_ms} ms; accepted: a number that "
                "divides the length",
            )
        self.frame_ms = chunk_ms // frames

    def _measure(self) -> tuple[int, int]:
        """Return frames and tokens of the first output, after a run with silence."""
        signal = np.zeros((1, self._chunk, 1), dtype=np.int32)
        try:
            log_probs, after = self._graph.run([signal, self._state[None]])
        except Exception as error:
            # onnxruntime has a class for each status, without a base of their own.
            first_line = str(error).partition("\n")[0]
            raise refuse_file(self._path, f"it does not run on silence: {first_line}") from None
        if log_probs.ndim != _RANK or after.shape != (1, len(self._state)):
            raise refuse_file(
                self._path,
                f"got outputs of the shapes {log_probs.shape} and {after.shape}; accepted: "
                f"(1, frames, tokens) and (1, {len(self._state)})",
            )
        return log_probs.shape[1], log_probs.shape[2]

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

    @property
    def missing_samples(self) -> int:
        return self._chunk - len(self._samples)

    def next_chunk(self) -> npt.NDArray[np.int32] | None:
        if len(self._samples) < self._chunk:
            return None
        chunk, self._samples = self._samples[: self._chunk], self._samples[self._chunk :]
        scaled = np.clip(np.rint(chunk * np.float32(_FULL_SCALE)), -32768, 32767)
        whole: npt.NDArray[np.int32] = scaled.astype(np.int32)
        return whole
