"""Contract "nemo": log-mel features in, cache tensors carried along.

Inputs, in order: `audio_signal` float32 [N, 80, T], `length` int64 [N],
`cache_last_channel` float32 [N, a, b, c], `cache_last_time` float32 [N, d, e, f],
`cache_last_channel_len` int64 [N]. Outputs: log-probabilities float32 [N, T', tokens],
their lengths int64 [N], and the three caches. The metadata tell the sizes; `delay_ms`,
where given, is how much later than its sound an output frame is.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rechka.audio.samples import Samples
from rechka.recognition.engines.ctc.acoustic import AcousticState, OnnxGraph
from rechka.recognition.engines.ctc.features import FEATURE_RATE_HZ, HOP_SAMPLES, LogMel
from rechka.recognition.model_folders import refuse_file

__all__ = ["NemoModel"]

Floats = npt.NDArray[np.float32]
Tensors = tuple[npt.NDArray[Any], ...]

_FRAME_MS = 1000 * HOP_SAMPLES // FEATURE_RATE_HZ
# A feature frame ends so much after its hop.
_WINDOW_REST_MS = 20
_INPUTS = {
    "audio_signal": "tensor(float)",
    "length": "tensor(int64)",
    "cache_last_channel": "tensor(float)",
    "cache_last_time": "tensor(float)",
    "cache_last_channel_len": "tensor(int64)",
}
_OUTPUTS = 5


class NemoModel:
    """A file of this contract.

    Args:
        path: `model.onnx`.
        threads: Threads of one run.

    Raises:
        RequestError: It is no such file.
    """

    sample_rate_hz = FEATURE_RATE_HZ
    lead_ms = 0

    def __init__(self, path: Path, *, threads: int) -> None:
        graph = OnnxGraph(path, threads=threads, inputs=_INPUTS, outputs=_OUTPUTS)
        normalization = graph.metadata.get("normalize_type", "")
        if normalization not in {"", "NA"}:
            raise refuse_file(path, f"metadata normalize_type: got {normalization!r}; accepted: ''")
        self._graph = graph
        self._window = graph.number("window_size")
        self._shift = graph.number("chunk_shift")
        subsampling = graph.number("subsampling_factor")
        if self._shift > self._window or self._shift % subsampling:
            raise refuse_file(
                path,
                f"metadata chunk_shift: got {self._shift}; accepted: a multiple of "
                f"subsampling_factor {subsampling}, at most window_size {self._window}",
            )
        self.outputs = graph.number("vocab_size") + 1
        if graph.last_dimension not in {None, self.outputs}:
            raise refuse_file(
                path,
                f"metadata vocab_size: got {self.outputs - 1}; accepted: one less than the "
                f"{graph.last_dimension} outputs",
            )
        self._caches: Tensors = (
            self._zeros("cache_last_channel"),
            self._zeros("cache_last_time"),
            np.zeros((), dtype=np.int64),
        )
        self.frame_ms = _FRAME_MS * subsampling
        self.delay_ms = graph.number("delay_ms", default=0, lowest=0)
        self.tail_ms = self.delay_ms + _FRAME_MS * self._window + _WINDOW_REST_MS

    def begin(self) -> AcousticState:
        """Return the state at the beginning of an utterance: caches of zeros."""
        return AcousticState(_Front(self._window, self._shift), self._caches)

    def run(
        self, chunks: Sequence[npt.NDArray[Any]], tensors: Sequence[Tensors]
    ) -> tuple[list[Floats], list[Tensors]]:
        """Run one window of each of several streams together."""
        signal = np.stack(chunks).transpose(0, 2, 1)
        lengths = np.full(len(chunks), self._window, dtype=np.int64)
        caches = [np.stack(column) for column in zip(*tensors, strict=True)]
        log_probs, valid, *after = self._graph.run([np.ascontiguousarray(signal), lengths, *caches])
        rows = [row[:count] for row, count in zip(log_probs, valid.tolist(), strict=True)]
        # Copies: a view would hold the memory of the whole batch.
        return rows, [tuple(part[index].copy() for part in after) for index in range(len(chunks))]

    def _zeros(self, name: str) -> npt.NDArray[np.float32]:
        shape = [self._graph.number(f"{name}_dim{number}") for number in (1, 2, 3)]
        return np.zeros(shape, dtype=np.float32)


class _Front:
    """Windows of features that overlap where the window is longer than the shift."""

    def __init__(self, window: int, shift: int) -> None:
        self._window = window
        self._shift = shift
        self._features = LogMel()
        self._kept: Floats | None = None

    def copy(self) -> "_Front":
        other = _Front(self._window, self._shift)
        other._features = self._features.copy()
        other._kept = self._kept
        return other

    def accept(self, samples: Samples) -> None:
        self._features.accept(samples)

    @property
    def _wanted(self) -> int:
        """Frames that the next window needs beside those that are kept."""
        return self._window if self._kept is None else self._shift

    @property
    def missing_samples(self) -> int:
        return self._features.missing_samples(self._wanted)

    def next_chunk(self) -> Floats | None:
        if self._features.available < self._wanted:
            return None
        frames = self._features.take(self._wanted)
        if self._kept is not None:
            frames = np.concatenate([self._kept, frames])
        self._kept = frames[self._shift :]
        return frames
