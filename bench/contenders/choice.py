"""Which engine and model all contenders run."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from rechka.catalog.assignment import assign
from rechka.catalog.candidates import find_candidates
from rechka.catalog.local import models_folder
from rechka.errors import ErrorCode, RequestError
from rechka.recognition.port import Engine, StreamOptions
from rechka.recognition.registry import check_model, create_engine, installed_engines

__all__ = ["Choice", "choose"]

# Engines that decode streams of several at once, and what sets how many.
_BATCHES = frozenset({"ctc", "sherpa"})
# Engines that make what their streams need before the first one, and what sets how many.
_PREPARES = frozenset({"pocketsphinx"})


@dataclass(frozen=True, slots=True)
class Choice:
    """A model and the engine that runs it.

    Attributes:
        engine: Registered name.
        name: Of the model.
        language: BCP 47 tag in the model's spelling.
        tag: Value of a request's `model` that means it.
        folder: Of the model; None if its engine carries it.
    """

    engine: str
    name: str
    language: str
    tag: str
    folder: str | None

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return what `to_json` wrote."""
        return cls(**json.loads(text))

    def to_json(self) -> str:
        """Return it as an argument of a command."""
        return json.dumps(asdict(self))

    def options(self) -> Mapping[str, Any]:
        """Return the options of the engine that make it load this model and no other."""
        return {} if self.folder is None else {"models": [self.folder]}

    def settings(self) -> str:
        """Return settings of Rechka, as TOML, that serve this model and no other.

        It lets in whom it can serve at all, so that late answers end a search for its
        capacity, as with the other servers.
        """
        # Strings and lists of strings are written alike in JSON and TOML.
        options = "".join(f"{key} = {json.dumps(value)}\n" for key, value in self.options().items())
        return (
            f"[recognition]\nengine = {json.dumps(self.engine)}\nmax_load = 1.0\n"
            f"[recognition.engine_options]\n{options}"
        )

    def load(self, *, streams: int, batch: int | None = None) -> Engine:
        """Return the engine, warm.

        Args:
            streams: Most streams at once.
            batch: Most streams that are decoded together, where the engine can; None:
                what the engine does by itself.

        Raises:
            RequestError: It cannot be loaded.
        """
        options = dict(self.options())
        if batch is not None and self.engine in _BATCHES:
            options["max_batch"] = batch
        if self.engine in _PREPARES:
            options["max_streams"] = streams
        engine = create_engine(self.engine, options)
        engine.warm_up()
        return engine

    def stream_options(self, rate_hz: int) -> StreamOptions:
        """Return what a stream asks of the engine."""
        return StreamOptions(language=self.language, model=self.tag, sample_rate_hz=rate_hz)


def choose(language: str, models: Path | None) -> Choice:
    """Return what Rechka would serve a language with.

    Args:
        language: BCP 47 tag in any case.
        models: Folder of installed models; None: those that come along.

    Raises:
        RequestError: Nothing that is installed speaks it.
    """
    with tempfile.TemporaryDirectory() as data_dir:
        if models is not None:
            models_folder(Path(data_dir)).symlink_to(models.absolute())
        candidates = [
            candidate
            for candidate in find_candidates(Path(data_dir), check=check_model).models
            if candidate.engine in installed_engines()
        ]
        for spelling, serving in assign(candidates, {}).items():
            if spelling.lower() == language.lower():
                model = serving.get("general") or next(iter(serving.values()))
                tag = "general" if "general" in model.tags else model.tags[0]
                folder = None if model.folder is None else str(model.folder.resolve())
                return Choice(model.engine, model.name, spelling, tag, folder)
    raise RequestError(ErrorCode.INVALID_CONFIG, f"--lang: no model speaks {language!r}")
