"""The engine contract, kept by the sherpa engine with each layout and either search."""

import tempfile
from pathlib import Path
from typing import ClassVar

from fakes.tone_transducers import tones, write_model
from rechka.testing.engine_contract import EngineContract


class TransducerContract(EngineContract):
    """The contract on a model that is written for the class."""

    engine_name = "sherpa"
    speech = tones("bad cab dab")
    layout: ClassVar[str]
    decoding: ClassVar[str] = "greedy"
    _folder: ClassVar["tempfile.TemporaryDirectory[str]"]

    @classmethod
    def setup_class(cls) -> None:
        cls._folder = tempfile.TemporaryDirectory()
        path = write_model(Path(cls._folder.name) / "model", layout=cls.layout)
        cls.options = {"models": [str(path)], "max_batch": 4, "decoding": cls.decoding}
        super().setup_class()

    @classmethod
    def teardown_class(cls) -> None:
        super().teardown_class()
        cls._folder.cleanup()


class TestLstmContract(TransducerContract):
    layout = "lstm"


class TestZipformerContract(TransducerContract):
    layout = "zipformer"


class TestZipformer2Contract(TransducerContract):
    layout = "zipformer2"
    decoding = "beam"


class TestNemoContract(TransducerContract):
    layout = "nemo"
