"""A loaded model behind the calls of sherpa-onnx that cannot end the process.

What sherpa-onnx does with a call that it does not expect (an empty batch, a stream twice
in one, one that is not ready, another sample rate, phrases for a greedy search) is to end
the process, by itself or by a segmentation fault. Nothing outside of this module touches
its streams.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import sherpa_onnx

from rechka.audio.samples import Samples
from rechka.recognition.engines.sherpa.hotwords import spell_hotwords
from rechka.recognition.engines.sherpa.layout import Layout
from rechka.recognition.engines.sherpa.model_folder import Manifest
from rechka.recognition.engines.sherpa.pieces import Pieces
from rechka.recognition.model_folders import refuse_file
from rechka.recognition.port import Hotword

__all__ = ["Result", "SherpaModel", "Track"]

_MEASURE_STEP_MS = 10
# A model that wants more audio than this before its first step is not for streaming.
_LONGEST_WINDOW_MS = 10_000
# Sets of phrases whose spelling is kept: those of a folder come with each of its sessions.
_KEPT_SPELLINGS = 64


@dataclass(frozen=True, slots=True)
class Result:
    """What a stream of sherpa-onnx has heard.

    Attributes:
        tokens: With a space before where a word begins.
        times_ms: When each came, from the stream's first sample.
        log_probs: Natural logarithm of each one's probability; empty if not known.
    """

    tokens: tuple[str, ...]
    times_ms: tuple[int, ...]
    log_probs: tuple[float, ...]


class Track:
    """One stream of sherpa-onnx, for one utterance. `SherpaModel` does everything with it.

    Attributes:
        stream: Of sherpa-onnx.
        steps: How often it was run.
        failure: What went wrong in a run; it is never run again then.
    """

    __slots__ = ("failure", "steps", "stream")

    def __init__(self, stream: "sherpa_onnx.OnlineStream") -> None:
        self.stream = stream
        self.steps = 0
        self.failure: Exception | None = None


class SherpaModel:
    """A model, loaded, tried out and measured. Shared by the engine's streams.

    Args:
        folder: Where it came from, for errors.
        manifest: What the folder says.
        layout: What its files are.
        recognizer: Of sherpa-onnx.
        pieces: How words are spelled for a search that can prefer phrases; None if it
            cannot.
        device: Where it computes.
        max_batch: Streams that are run at once.

    Attributes:
        window_ms: Silence after which the first step can be run.
        step_ms: Audio that each further step takes.
    """

    def __init__(
        self,
        folder: Path,
        *,
        manifest: Manifest,
        layout: Layout,
        recognizer: "sherpa_onnx.OnlineRecognizer",
        pieces: Pieces | None,
        device: str,
        max_batch: int,
    ) -> None:
        self.manifest = manifest
        self.layout = layout
        self.device = device
        self._recognizer = recognizer
        self._spell = lru_cache(_KEPT_SPELLINGS)(
            lambda hotwords: "" if pieces is None else spell_hotwords(hotwords, pieces)
        )
        self._max_batch = max_batch if layout.can_batch else 1
        try:
            self.window_ms, self.step_ms = self._measure()
        except Exception as error:
            raise refuse_file(folder, f"sherpa-onnx cannot run it: {_first_line(error)}") from None
        if not self._runs_together():
            self._max_batch = 1

    def begin(self, language: str, hotwords: tuple[Hotword, ...]) -> Track:
        """Return a fresh stream.

        Args:
            language: One of the manifest's.
            hotwords: Phrases to prefer; passed over where the search or the pieces
                cannot.
        """
        stream = self._recognizer.create_stream(self._spell(hotwords) or None)
        prompt = self.layout.prompt(language)
        if prompt is not None:
            stream.set_option("language", prompt)
        return Track(stream)

    def feed(self, track: Track, samples: Samples) -> None:
        """Hand samples over, always at the rate of the model."""
        track.stream.accept_waveform(self.manifest.sample_rate_hz, samples)

    def run(self, tracks: Sequence[Track]) -> None:
        """Run streams, those that are ready together, until none is.

        Where a run fails its streams keep the failure; the others go on. Each step uses
        audio up, so that this comes to an end.
        """
        waiting = list(dict.fromkeys(tracks))
        while waiting := [track for track in waiting if self._is_ready(track)]:
            for begin in range(0, len(waiting), self._max_batch):
                part = waiting[begin : begin + self._max_batch]
                try:
                    self._recognizer.decode_streams([track.stream for track in part])
                except Exception as error:
                    # Their states were moved out of them: another run would be fatal.
                    for track in part:
                        track.failure = error
                for track in part:
                    track.steps += 1

    def result(self, track: Track) -> Result:
        """Return what was heard.

        Raises:
            Exception: A run of the stream failed.
        """
        if track.failure is not None:
            raise track.failure
        heard = self._recognizer.get_result_all(track.stream)
        tokens = tuple(heard.tokens)
        start_ms = round(heard.start_time * 1000)
        # An unknown token has a time but no text; what follows it is then a little early.
        times_ms = tuple(start_ms + round(time_s * 1000) for time_s in heard.timestamps)
        log_probs = tuple(heard.ys_probs)
        return Result(
            tokens,
            times_ms[: len(tokens)],
            log_probs[: len(tokens)] if len(log_probs) >= len(tokens) else (),
        )

    def _is_ready(self, track: Track) -> bool:
        return track.failure is None and self._recognizer.is_ready(track.stream)

    def _measure(self) -> tuple[int, int]:
        """Feed silence until a step can be run, and again: the window and the step, in ms."""
        track = self.begin(self.manifest.languages[0], ())
        measured: list[int] = []
        fed_ms = 0
        silence = np.zeros(self.manifest.sample_rate_hz * _MEASURE_STEP_MS // 1000, np.float32)
        while len(measured) < 2:
            fed_ms += _MEASURE_STEP_MS
            if fed_ms > _LONGEST_WINDOW_MS:
                raise RuntimeError(f"it takes no step after {_LONGEST_WINDOW_MS} ms of silence")
            self.feed(track, silence)
            if self._is_ready(track):
                self.run([track])
                self.result(track)
                measured.append(fed_ms)
                fed_ms = 0
        return measured[0], measured[1]

    def _runs_together(self) -> bool:
        """Return whether a batch works: a file may be made for one stream without saying so."""
        tracks = [self.begin(self.manifest.languages[0], ()) for _ in range(2)]
        samples = self.manifest.sample_rate_hz * self.window_ms // 1000
        for track in tracks:
            self.feed(track, np.zeros(samples, np.float32))
        self.run(tracks)
        return all(track.failure is None for track in tracks)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
