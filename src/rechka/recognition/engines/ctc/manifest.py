"""What `model.toml` says to this engine, and which files must lie beside it.

Read without what runs a model, so that a list of models can be checked.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from rechka.model_toml import read_model_toml
from rechka.recognition.engine_manifest import EngineManifest
from rechka.recognition.engines.ctc.beam import BeamParameters
from rechka.recognition.engines.ctc.readings import Calibration
from rechka.recognition.model_folders import MANIFEST_NAME, refuse_file
from rechka.recognition.onnx_file import check_onnx

__all__ = ["MODEL_NAME", "TOKENS_NAME", "Manifest", "check_folder", "read_manifest"]

MODEL_NAME = "model.onnx"
TOKENS_NAME = "tokens.txt"

_BEAM = BeamParameters()
_CALIBRATION = Calibration()


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Decoder(_Table):
    lm_weight: Annotated[float, Field(ge=0, le=10)] = _BEAM.lm_weight
    word_bonus: Annotated[float, Field(ge=-20, le=20)] = _BEAM.word_bonus
    blank_penalty: Annotated[float, Field(ge=-10, le=10)] = _BEAM.blank_penalty
    beam: Annotated[int, Field(ge=1, le=10_000)] = _BEAM.beam
    score_beam: Annotated[float, Field(gt=0, le=60)] = _BEAM.score_beam
    alternatives_beam: Annotated[float, Field(gt=0, le=60)] = _BEAM.alternatives_beam


class _Confidence(_Table):
    scale: Annotated[float, Field(gt=0, le=10)] = _CALIBRATION.scale
    bias: Annotated[float, Field(ge=-20, le=20)] = _CALIBRATION.bias
    posterior: Annotated[float, Field(ge=0, le=20)] = _CALIBRATION.posterior
    quality: Annotated[float, Field(ge=0, le=20)] = _CALIBRATION.quality


class _Times(_Table):
    start_offset_ms: Annotated[int, Field(ge=-500, le=500)] = 0
    end_offset_ms: Annotated[int, Field(ge=-500, le=500)] = 0


class Manifest(EngineManifest):
    """What `model.toml` says.

    Attributes:
        engine: Always "ctc".
        contract: What the ONNX file eats and gives.
        decoder: Weights and widths of the search, as in `BeamParameters`.
        confidence: Fitted to held-out speech, as in `Calibration`.
        times: Added to the frames' times of starts and ends of words, in milliseconds.
    """

    engine: Literal["ctc"]
    contract: Literal["nemo", "t-one"]
    decoder: _Decoder = _Decoder()
    confidence: _Confidence = _Confidence()
    times: _Times = _Times()


def read_manifest(folder: Path) -> Manifest:
    """Read what a model says of itself, and load nothing else.

    Raises:
        RequestError: The file cannot be read, or a value is not accepted.
    """
    return read_model_toml(Manifest, folder / MANIFEST_NAME)


def check_folder(folder: Path) -> None:
    """Check what can be checked of a model without loading it.

    Raises:
        RequestError: As `read_manifest`; or a file is missing or cut.
    """
    read_manifest(folder)
    check_onnx(folder / MODEL_NAME)
    if not (folder / TOKENS_NAME).is_file():
        raise refuse_file(folder / TOKENS_NAME, "there is no such file")
