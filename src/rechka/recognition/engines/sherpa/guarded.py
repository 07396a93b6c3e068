"""A loaded model behind the calls of sherpa-onnx that cannot end the process.

What sherpa-onnx does with a call that it does not expect (an empty batch, a stream twice
in one, one that is not ready, another sample rate, phrases for a greedy search) is to end
the process, by itself or by a segmentation fault. Nothing outside of this module calls it.
"""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sherpa_onnx

from rechka.audio.samples import Samples
from rechka.errors import ErrorCode, RequestError
from rechka.recognition.engines.sherpa.device import check_device, listen_to_stderr
from rechka.recognition.engines.sherpa.hotwords import spell_hotwords
from rechka.recognition.engines.sherpa.layout import Layout, read_layout
from rechka.recognition.engines.sherpa.model_folder import (
    Manifest,
    ModelFiles,
    find_files,
    read_manifest,
    refuse,
)
from rechka.recognition.engines.sherpa.pieces import Pieces, read_pieces
from rechka.recognition.engines.sherpa.tokens import read_tokens
from rechka.recognition.port import Hotword

__all__ = ["LoadOptions", "Result", "SherpaModel", "Track", "check_provider", "load_model"]

_METHODS = {"greedy": "greedy_search", "beam": "modified_beam_search"}
_MEASURE_STEP_MS = 10
# A model that wants more audio than this before its first step is not for streaming.
_LONGEST_WINDOW_MS = 10_000
_PROVIDER = re.compile(r"cpu|cuda(:\d{1,2})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """How a model is loaded.

    Attributes:
        threads: Threads of one run.
        max_batch: Streams that are run at once.
        provider: "cpu", "cuda" or "cuda:1".
        decoding: "greedy", "beam", or "" for what the model's manifest says.
        beam: Paths of the beam search; 0 for what the manifest says.
    """

    threads: int = 1
    max_batch: int = 8
    provider: str = "cpu"
    decoding: str = ""
    beam: int = 0


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
        self._pieces = pieces
        self._max_batch = max_batch if layout.can_batch else 1
        try:
            self.window_ms, self.step_ms = self._measure()
        except Exception as error:
            raise refuse(folder, f"sherpa-onnx cannot run it: {_first_line(error)}") from None
        if not self._runs_together():
            self._max_batch = 1

    def begin(self, language: str, hotwords: Sequence[Hotword]) -> Track:
        """Return a fresh stream.

        Args:
            language: One of the manifest's.
            hotwords: Phrases to prefer; passed over where the search or the pieces
                cannot.
        """
        text = spell_hotwords(hotwords, self._pieces) if self._pieces is not None else ""
        stream = self._recognizer.create_stream(text or None)
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


def load_model(folder: Path, options: LoadOptions) -> SherpaModel:
    """Check a model's folder, load it and try it out.

    Raises:
        RequestError: A file is missing or no good, files do not fit together, a language
            is not the model's, or the device is not there.
    """
    manifest = read_manifest(folder)
    files = find_files(folder, manifest)
    tokens = read_tokens(files.tokens)
    layout = read_layout(files, tokens)
    unknown = [item for item in manifest.languages if layout.prompts and not layout.prompt(item)]
    if unknown:
        raise refuse(
            folder,
            f"languages: got {', '.join(unknown)}; accepted: {', '.join(sorted(layout.prompts))}",
        )
    method = options.decoding or manifest.decoder.method
    pieces = read_pieces(files.bpe, tokens) if method == "beam" else None
    recognizer = _create(files, manifest, layout, options, pieces)
    return SherpaModel(
        folder,
        manifest=manifest,
        layout=layout,
        recognizer=recognizer,
        pieces=pieces,
        device=_device_of(options.provider),
        max_batch=options.max_batch,
    )


def check_provider(provider: str) -> None:
    """Check the option `provider`.

    Raises:
        RequestError: It is none.
    """
    if not _PROVIDER.fullmatch(provider):
        field = "recognition.engine_options.provider"
        problem = f"got {provider!r}; accepted: cpu, cuda, cuda:N"
        raise RequestError(
            ErrorCode.INVALID_CONFIG, f"settings: {field}: {problem}", violations={field: problem}
        )


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _device_of(provider: str) -> str:
    return "cuda:0" if provider == "cuda" else provider


def _create(
    files: ModelFiles,
    manifest: Manifest,
    layout: Layout,
    options: LoadOptions,
    pieces: Pieces | None,
) -> "sherpa_onnx.OnlineRecognizer":
    method = options.decoding or manifest.decoder.method
    provider, _, device = options.provider.partition(":")
    with tempfile.TemporaryDirectory(prefix="rechka-") as folder, listen_to_stderr() as heard:
        vocabulary = Path(folder) / "bpe.vocab"
        if pieces is not None:
            vocabulary.write_text(pieces.vocabulary(), encoding="utf-8")
        try:
            recognizer = sherpa_onnx.OnlineRecognizer.from_transducer(
                tokens=str(files.tokens),
                encoder=str(files.encoder),
                decoder=str(files.decoder),
                joiner=str(files.joiner),
                num_threads=options.threads,
                sample_rate=manifest.sample_rate_hz,
                feature_dim=layout.feature_dim,
                decoding_method=_METHODS[method],
                max_active_paths=options.beam or manifest.decoder.beam,
                blank_penalty=manifest.decoder.blank_penalty,
                model_type="" if layout.model_type == "nemo" else layout.model_type,
                modeling_unit="bpe" if pieces is not None else "cjkchar",
                bpe_vocab=str(vocabulary) if pieces is not None else "",
                # Probabilities are those of the model, not flattened.
                temperature_scale=1.0,
                provider=provider,
                device=int(device or 0),
            )
        except Exception as error:
            first_line = str(error).partition("\n")[0]
            raise refuse(
                files.encoder.parent, f"sherpa-onnx cannot load it: {first_line}"
            ) from None
    if provider != "cpu":
        check_device(options.provider, heard.text, Path("/proc/self/maps"))
    return recognizer
