"""The engine: several models, the streams of each run together."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rechka.audio.samples import Samples
from rechka.recognition.engines.sherpa.guarded import SherpaModel, Track
from rechka.recognition.engines.sherpa.loading import LoadOptions, check_provider, load_model
from rechka.recognition.engines.sherpa.model_folder import read_manifest
from rechka.recognition.engines.sherpa.stream import SherpaStream
from rechka.recognition.model_folders import find_model_folders
from rechka.recognition.options import read_options, refuse_option
from rechka.recognition.port import EngineStream, ModelInfo, StreamOptions
from rechka.recognition.selection import select_for_stream
from rechka.recognition.tags import ModelTags

__all__ = ["SherpaEngine"]

_DEFAULTS: Mapping[str, Any] = {
    "models": [],
    "tags": {},
    "threads": 1,
    "max_batch": 8,
    "max_streams": 0,
    "provider": "cpu",
    "decoding": "",
    "beam": 0,
}
_RANGES: Mapping[str, tuple[int, int]] = {
    "threads": (1, 256),
    "max_batch": (1, 256),
    "max_streams": (0, 10_000),
    "beam": (0, 100),
}
_DECODINGS = ("", "greedy", "beam")


class SherpaEngine:
    """Streaming transducers, one or several: zipformers, LSTMs, and NeMo's.

    Args:
        options: `models`, folders of models or of folders of models; `tags`, by the name
            of a model the tags that select it instead of its own, a model without any is
            not loaded; `threads` of one run; `max_batch`, streams that are run together;
            `max_streams`, streams that one worker serves, 0 means what each model
            advises; `provider`, "cpu", "cuda" or "cuda:1"; `decoding`, "greedy" or "beam",
            "" means what each model says; `beam`, paths of the beam search, 0 means what
            each model says.

    Raises:
        RequestError: An option is not accepted, a model cannot be loaded, or the device
            is not there.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        chosen = read_options(options, _DEFAULTS)
        for name, (lowest, highest) in _RANGES.items():
            if not lowest <= chosen[name] <= highest:
                accepted = f"a number from {lowest} to {highest}"
                raise refuse_option(name, f"got {chosen[name]}; accepted: {accepted}")
        if chosen["decoding"] not in _DECODINGS:
            accepted = ", ".join(repr(item) for item in _DECODINGS)
            raise refuse_option("decoding", f"got {chosen['decoding']!r}; accepted: {accepted}")
        check_provider(chosen["provider"])
        if not chosen["models"]:
            raise refuse_option("models", "got []; accepted: at least one folder of a model")
        self.max_batch: int = chosen["max_batch"]
        tags = ModelTags(chosen["tags"])
        load_options = LoadOptions(
            threads=chosen["threads"],
            max_batch=chosen["max_batch"],
            provider=chosen["provider"],
            decoding=chosen["decoding"],
            beam=chosen["beam"],
        )
        folders = find_model_folders(chosen["models"], engine="sherpa")
        wanted = tags.wanted({folder: read_manifest(folder) for folder in folders})
        loaded = [load_model(folder, load_options) for folder in wanted]
        self._loaded: Mapping[ModelInfo, SherpaModel] = {
            info: model
            for model in loaded
            for info in _describe(model, tags, chosen["max_streams"])
        }
        self.models: Sequence[ModelInfo] = tuple(self._loaded)

    def warm_up(self) -> None:
        """Run each model once alone and once in a full batch."""
        for model in dict.fromkeys(self._loaded.values()):
            rate_hz = model.manifest.sample_rate_hz
            noise = np.random.default_rng(0).normal(0.0, 0.1, rate_hz).astype(np.float32)
            options = StreamOptions(
                language=model.manifest.languages[0],
                model=model.manifest.tags[0],
                sample_rate_hz=rate_hz,
            )
            for count in sorted({1, self.max_batch}):
                streams = [SherpaStream(model, options) for _ in range(count)]
                self.accept([(stream, noise) for stream in streams])
                for stream in streams:
                    stream.finish()

    def open(self, options: StreamOptions) -> SherpaStream:
        """Return a fresh stream.

        Raises:
            RequestError: No model has the language, the tag and the rate.
        """
        info = select_for_stream(self.models, options)
        return SherpaStream(self._loaded[info], options)

    def accept(self, batch: Sequence[tuple[EngineStream, Samples]]) -> None:
        """Decode audio of several streams; those of one model are run together.

        Where a run fails, the streams in it raise its error when they are asked for what
        they heard; the other ones go on.

        Raises:
            RuntimeError: A stream is closed or is there twice.
        TypeError: A stream is none of this engine's.
        """
        checked = [(_own(stream), samples) for stream, samples in batch]
        if len({id(stream) for stream, _ in checked}) != len(checked):
            raise RuntimeError("a stream is there twice")
        tracks: dict[SherpaModel, list[Track]] = {}
        for stream, samples in checked:
            if len(samples):
                tracks.setdefault(stream.model, []).append(stream.feed(samples))
        for model, ready in tracks.items():
            model.run(ready)

    def close(self) -> None:
        """Free the models."""
        self._loaded = {}


def _own(stream: EngineStream) -> SherpaStream:
    if not isinstance(stream, SherpaStream):
        raise TypeError(f"a stream of this engine is needed, got a {type(stream).__name__}")
    if stream.is_closed:
        raise RuntimeError("the stream is closed")
    return stream


def _describe(model: SherpaModel, tags: ModelTags, max_streams: int) -> list[ModelInfo]:
    manifest = model.manifest
    return [
        ModelInfo(
            name=manifest.name,
            engine="sherpa",
            language=language,
            tags=chosen,
            sample_rates_hz=(manifest.sample_rate_hz,),
            # sherpa-onnx keeps the other paths of its search to itself.
            max_alternatives=1,
            has_confidences=True,
            has_word_times=True,
            has_trailing_silence=True,
            max_streams=max_streams or manifest.max_streams,
            device=model.device,
        )
        for language in manifest.languages
        if (chosen := tags.of(manifest.name, language, manifest.tags))
    ]
