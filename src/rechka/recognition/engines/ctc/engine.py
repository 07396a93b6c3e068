"""The engine: several models, each with its streams stacked into batches."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rechka.audio.samples import Samples
from rechka.recognition.engines.ctc.acoustic import AcousticState, run_together
from rechka.recognition.engines.ctc.manifest import read_manifest
from rechka.recognition.engines.ctc.model_folder import CtcModel, read_model
from rechka.recognition.engines.ctc.stream import CtcStream
from rechka.recognition.model_folders import find_model_folders
from rechka.recognition.options import read_options, refuse_option
from rechka.recognition.port import EngineStream, ModelInfo, StreamOptions
from rechka.recognition.selection import select_for_stream
from rechka.recognition.tags import ModelTags

__all__ = ["CtcEngine"]

_DEFAULTS: Mapping[str, Any] = {
    "models": [],
    "tags": {},
    "threads": 1,
    "max_batch": 16,
    "max_streams": 0,
    "beam": 0,
}
_MOST_ALTERNATIVES = 10


class CtcEngine:
    """Models with a CTC output, one or several.

    Args:
        options: `models`, folders of models or of folders of models; `tags`, by the
            name of a model the tags that select it instead of its own, a model without
            any is not loaded; `threads` of one run of an acoustic model; `max_batch`,
            streams that are run together;
            `max_streams`, streams that one worker serves, 0 means what each model
            advises; `beam`, hypotheses of the search, 0 means what each model advises.

    Raises:
        RequestError: An option is not accepted, or a model cannot be loaded.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        chosen = read_options(options, _DEFAULTS)
        for name, lowest in (("threads", 1), ("max_batch", 1), ("max_streams", 0), ("beam", 0)):
            if chosen[name] < lowest:
                raise refuse_option(name, f"got {chosen[name]}; accepted: a number from {lowest}")
        if not chosen["models"]:
            raise refuse_option("models", "got []; accepted: at least one folder of a model")
        self.max_batch: int = chosen["max_batch"]
        tags = ModelTags(chosen["tags"])
        folders = find_model_folders(chosen["models"], engine="ctc")
        loaded = [
            read_model(folder, threads=chosen["threads"], beam=chosen["beam"])
            for folder in tags.wanted({folder: read_manifest(folder) for folder in folders})
        ]
        self._loaded: Mapping[ModelInfo, CtcModel] = {
            info: model
            for model in loaded
            for info in _describe(model, tags, chosen["max_streams"])
        }
        self.models: Sequence[ModelInfo] = tuple(self._loaded)

    def warm_up(self) -> None:
        """Run each model once alone and once in a full batch, and decode what comes out."""
        # Noise is decoded like speech; silence would not go through the whole search.
        for model in dict.fromkeys(self._loaded.values()):
            rate_hz = model.acoustic.sample_rate_hz
            noise = np.random.default_rng(0).normal(0.0, 0.1, rate_hz).astype(np.float32)
            options = StreamOptions(
                language=model.manifest.languages[0],
                model=model.manifest.tags[0],
                sample_rate_hz=rate_hz,
            )
            for count in sorted({1, self.max_batch}):
                streams = [CtcStream(model, options) for _ in range(count)]
                self.accept([(stream, noise) for stream in streams])
                streams[0].finish()

    def open(self, options: StreamOptions) -> CtcStream:
        """Return a fresh stream.

        Raises:
            RequestError: No model has the language, the tag and the rate.
        """
        info = select_for_stream(self.models, options)
        return CtcStream(self._loaded[info], options)

    def accept(self, batch: Sequence[tuple[EngineStream, Samples]]) -> None:
        """Decode audio of several streams; those of one model are run together."""
        forks = [
            (stream, samples, stream.fork(samples))
            for stream, samples in batch
            if isinstance(stream, CtcStream)
        ]
        for model in dict.fromkeys(self._loaded.values()):
            states: list[AcousticState] = [
                state for stream, _, state in forks if stream.model is model
            ]
            run_together(model.acoustic, states, most=self.max_batch)
        for stream, samples, state in forks:
            stream.commit(state, samples)

    def close(self) -> None:
        """Free the models."""
        self._loaded = {}


def _describe(model: CtcModel, tags: ModelTags, max_streams: int) -> list[ModelInfo]:
    manifest = model.manifest
    return [
        ModelInfo(
            name=manifest.name,
            engine="ctc",
            language=language,
            tags=chosen,
            sample_rates_hz=(model.acoustic.sample_rate_hz,),
            max_alternatives=_MOST_ALTERNATIVES if model.graph or model.words else 1,
            has_confidences=True,
            has_word_times=True,
            has_trailing_silence=True,
            max_streams=max_streams or manifest.max_streams,
        )
        for language in manifest.languages
        if (chosen := tags.of(manifest.name, language, manifest.tags))
    ]
