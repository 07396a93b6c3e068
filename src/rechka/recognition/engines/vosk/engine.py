"""The engine: several models, and a recognizer of the library for each stream.

The library decodes one stream at a time, and lets go of Python's lock meanwhile.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import vosk

from rechka.audio.samples import Samples
from rechka.recognition.engines.vosk.model_folder import (
    VoskFolder,
    read_folder,
)
from rechka.recognition.engines.vosk.stream import VoskStream
from rechka.recognition.model_folders import find_model_folders, refuse_file
from rechka.recognition.options import read_options, refuse_option
from rechka.recognition.port import EngineStream, ModelInfo, StreamOptions
from rechka.recognition.selection import select_for_stream
from rechka.recognition.tags import ModelTags

__all__ = ["VoskEngine"]

_DEFAULTS: Mapping[str, Any] = {"models": [], "tags": {}, "max_streams": 0, "alternatives": 1}
# The library then prints what is wrong, and nothing else.
_ERRORS_ONLY = -1


class VoskEngine:
    """Models of vosk, one or several.

    Args:
        options: `models`, folders of models or of folders of models; `tags`, by the
            name of a model the tags that select it instead of its own, a model without
            any is not loaded; `max_streams`, streams that one worker serves, 0 means
            what each model advises; `alternatives`, most readings of an utterance.

    Raises:
        RequestError: An option is not accepted, or a model cannot be loaded.
    """

    max_batch = 1

    def __init__(self, options: Mapping[str, Any]) -> None:
        chosen = read_options(options, _DEFAULTS)
        for name, lowest in (("max_streams", 0), ("alternatives", 1)):
            if chosen[name] < lowest:
                raise refuse_option(name, f"got {chosen[name]}; accepted: a number from {lowest}")
        if not chosen["models"]:
            raise refuse_option("models", "got []; accepted: at least one folder of a model")
        tags = ModelTags(chosen["tags"])
        paths = find_model_folders(chosen["models"], engine="vosk")
        folders = {path: read_folder(path) for path in paths}
        wanted = tags.wanted({path: folder.manifest for path, folder in folders.items()})
        vosk.SetLogLevel(_ERRORS_ONLY)
        self._loaded: dict[ModelInfo, vosk.Model] = {}
        for path in wanted:
            infos = _describe(folders[path], tags, chosen)
            self._loaded |= dict.fromkeys(infos, _load(folders[path]))
        self.models: Sequence[ModelInfo] = tuple(self._loaded)

    def warm_up(self) -> None:
        """Decode a second of noise with each model."""
        for info, model in self._loaded.items():
            rate_hz = info.sample_rates_hz[0]
            noise = np.random.default_rng(0).normal(0.0, 0.1, rate_hz).astype(np.float32)
            stream = VoskStream(model, rate_hz=rate_hz, max_alternatives=info.max_alternatives)
            stream.accept(noise)
            stream.observe()
            stream.finish()

    def open(self, options: StreamOptions) -> VoskStream:
        """Return a fresh stream.

        Raises:
            RequestError: No model has the language, the tag and the rate.
        """
        info = select_for_stream(self.models, options)
        return VoskStream(
            self._loaded[info],
            rate_hz=options.sample_rate_hz,
            max_alternatives=min(options.max_alternatives, info.max_alternatives),
        )

    def accept(self, batch: Sequence[tuple[EngineStream, Samples]]) -> None:
        """Decode the one stream of the batch."""
        for stream, samples in batch:
            if isinstance(stream, VoskStream):
                stream.accept(samples)

    def close(self) -> None:
        """Free the models."""
        self._loaded = {}


def _load(folder: VoskFolder) -> vosk.Model:
    try:
        return vosk.Model(str(folder.kaldi))
    except Exception as error:
        # The library has one class for all that can be wrong.
        problem = f"vosk cannot load it ({error}); what it says of it stands above in the log"
        raise refuse_file(folder.kaldi, problem) from None


def _describe(folder: VoskFolder, tags: ModelTags, chosen: Mapping[str, Any]) -> list[ModelInfo]:
    manifest = folder.manifest
    return [
        ModelInfo(
            name=manifest.name,
            engine="vosk",
            language=language,
            tags=selecting,
            sample_rates_hz=(manifest.sample_rate_hz,),
            max_alternatives=chosen["alternatives"],
            # Of several readings the library tells scores, and no word's confidence.
            has_confidences=chosen["alternatives"] == 1,
            has_word_times=True,
            max_streams=chosen["max_streams"] or manifest.max_streams,
        )
        for language in manifest.languages
        if (selecting := tags.of(manifest.name, language, manifest.tags))
    ]
