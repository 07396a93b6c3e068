"""The engine contract, kept by the ctc engine with either kind of model."""

import tempfile
from pathlib import Path
from typing import ClassVar

import pytest

from fakes.small_language import NGrams, write_kenlm
from fakes.tone_models import tones, write_downloaded_t_one, write_model
from rechka.testing.engine_contract import EngineContract


class ToneContract(EngineContract):
    """The contract on a model that is written for the class."""

    engine_name = "ctc"
    contract: ClassVar[str]
    _folder: ClassVar["tempfile.TemporaryDirectory[str]"]

    @classmethod
    def setup_class(cls) -> None:
        cls._folder = tempfile.TemporaryDirectory()
        path = cls.write(Path(cls._folder.name) / "model")
        cls.options = {"models": [str(path)], "max_batch": 4}
        super().setup_class()

    @classmethod
    def write(cls, folder: Path) -> Path:
        return write_model(folder, contract=cls.contract)

    @classmethod
    def teardown_class(cls) -> None:
        super().teardown_class()
        cls._folder.cleanup()


class TestDownloadedTone(ToneContract):
    """T-one's archive and a manifest: greedy, since nothing lies beside it."""

    speech = tones("bad cab da", rate_hz=8_000, hear_spaces=True)

    @classmethod
    def write(cls, folder: Path) -> Path:
        return write_downloaded_t_one(folder)


class TestDownloadedToneWithKenlm(TestDownloadedTone):
    @classmethod
    def write(cls, folder: Path) -> Path:
        pytest.importorskip("kenlm", reason="kenlm is not installed")
        write_downloaded_t_one(folder)
        table: NGrams = {("<s>",): (-99.0, 0.0), ("</s>",): (-1.0, 0.0)}
        table |= {(word,): (-0.5, 0.0) for word in ("bad", "cab", "da")}
        write_kenlm(folder / "kenlm.bin", table)
        return folder


class TestNemoContract(ToneContract):
    contract = "nemo"
    speech = tones("bad cab dab", rate_hz=16_000)


class TestToneContract(ToneContract):
    contract = "t-one"
    speech = tones("bad cab dab", rate_hz=8_000)
