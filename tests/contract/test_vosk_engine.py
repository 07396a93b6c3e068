"""The engine contract, kept by the vosk engine with a real model of Kaldi that hears tones."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from fakes.tone_kaldi import said, write_vosk_model
from rechka.testing.engine_contract import EngineContract

pytest.importorskip("vosk", reason="vosk is not installed")


class KaldiContract(EngineContract):
    """The contract on a model that is written for the class."""

    engine_name = "vosk"
    speech = said("bad cab dab")
    more: ClassVar[Mapping[str, Any]] = {}
    _folder: ClassVar["tempfile.TemporaryDirectory[str]"]

    @classmethod
    def setup_class(cls) -> None:
        cls._folder = tempfile.TemporaryDirectory()
        path = write_vosk_model(Path(cls._folder.name) / "model")
        cls.options = {"models": [str(path)], **cls.more}
        super().setup_class()

    @classmethod
    def teardown_class(cls) -> None:
        super().teardown_class()
        cls._folder.cleanup()


class TestOneReading(KaldiContract):
    pass


class TestSeveralReadings(KaldiContract):
    more: ClassVar[Mapping[str, Any]] = {"alternatives": 5}
