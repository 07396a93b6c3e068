"""The engine contract, kept by the ctc engine with either kind of model."""

import tempfile
from pathlib import Path
from typing import ClassVar

from fakes.tone_models import tones, write_model
from rechka.testing.engine_contract import EngineContract


class ToneContract(EngineContract):
    """The contract on a model that is written for the class."""

    engine_name = "ctc"
    contract: ClassVar[str]
    _folder: ClassVar["tempfile.TemporaryDirectory[str]"]

    @classmethod
    def setup_class(cls) -> None:
        cls._folder = tempfile.TemporaryDirectory()
        path = write_model(Path(cls._folder.name) / "model", contract=cls.contract)
        cls.options = {"models": [str(path)], "max_batch": 4}
        super().setup_class()

    @classmethod
    def teardown_class(cls) -> None:
        super().teardown_class()
        cls._folder.cleanup()


class TestNemoContract(ToneContract):
    contract = "nemo"
    speech = tones("bad cab dab", rate_hz=16_000)


class TestToneContract(ToneContract):
    contract = "t-one"
    speech = tones("bad cab dab", rate_hz=8_000)
