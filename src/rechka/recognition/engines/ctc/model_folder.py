"""Reads the folder of a model: `model.toml`, `model.onnx`, `tokens.txt`, language model."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rechka.recognition.engines.ctc.acoustic import AcousticModel
from rechka.recognition.engines.ctc.beam import BeamParameters
from rechka.recognition.engines.ctc.graph import Graph
from rechka.recognition.engines.ctc.kenlm_words import KenlmWords
from rechka.recognition.engines.ctc.language_model import load_graph, load_words
from rechka.recognition.engines.ctc.nemo import NemoModel
from rechka.recognition.engines.ctc.readings import Calibration
from rechka.recognition.engines.ctc.t_one import ToneModel
from rechka.recognition.engines.ctc.tokens import Tokens, read_tokens
from rechka.recognition.model_folders import MANIFEST_NAME, refuse_file
from rechka.toml_file import read_toml

__all__ = ["CtcModel", "Manifest", "read_manifest", "read_model"]

_MODEL_NAME = "model.onnx"
_TOKENS_NAME = "tokens.txt"


_BEAM = BeamParameters()
_CALIBRATION = Calibration()


_CONTRACTS: Mapping[str, type[NemoModel | ToneModel]] = {"nemo": NemoModel, "t-one": ToneModel}


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


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


class Manifest(_Table):
    """What `model.toml` says.

    Attributes:
        name: Of the model.
        version: Of the model.
        engine: Always "ctc".
        contract: What the ONNX file eats and gives.
        languages: BCP 47 tags of what it recognizes.
        tags: Values of a request's `model` that select it.
        sample_rate_hz: Rate of the audio that it was trained on.
        licence: Of the model's files.
        summary: One line for a person.
        max_streams: Most streams of one worker, however little they cost.
        decoder: Weights and widths of the search, as in `BeamParameters`.
        confidence: Fitted to held-out speech, as in `Calibration`.
        times: Added to the frames' times of starts and ends of words, in milliseconds.
        card: Data, recipe and figures; for people.
    """

    name: Annotated[str, Field(min_length=1)]
    version: Annotated[str, Field(min_length=1)]
    engine: Literal["ctc"]
    contract: Literal["nemo", "t-one"]
    languages: Annotated[tuple[Annotated[str, Field(min_length=2)], ...], Field(min_length=1)]
    tags: Annotated[tuple[str, ...], Field(min_length=1)] = ("general",)
    sample_rate_hz: Annotated[int, Field(gt=0)]
    licence: str
    summary: str
    max_streams: Annotated[int, Field(ge=1, le=1_000)] = 128
    decoder: _Decoder = _Decoder()
    confidence: _Confidence = _Confidence()
    times: _Times = _Times()
    card: dict[str, Any] = {}


@dataclass(frozen=True, slots=True, eq=False)
class CtcModel:
    """A model, loaded. Constant; shared by streams.

    Attributes:
        manifest: What its folder says.
        acoustic: From samples to log-probabilities.
        tokens: What these are of.
        graph: Vocabulary and language model.
        words: A language model without a vocabulary; None where there is a graph. With
            neither the best tokens are joined.
        parameters: Of the beam search.
        calibration: Of the confidences.
    """

    manifest: Manifest
    acoustic: AcousticModel
    tokens: Tokens
    graph: Graph | None
    words: KenlmWords | None
    parameters: BeamParameters
    calibration: Calibration


def read_model(folder: Path, *, threads: int = 1, beam: int = 0) -> CtcModel:
    """Load a model.

    Args:
        folder: With `model.toml`, `model.onnx`, `tokens.txt`, and a language model if
            words are to be found by a vocabulary.
        threads: Threads of one run of the acoustic model.
        beam: Hypotheses of the search; 0 means what `model.toml` says.

    Raises:
        RequestError: A file is missing or no good, or they do not fit together.
    """
    manifest = read_manifest(folder)
    contract: type[NemoModel | ToneModel] = _CONTRACTS[manifest.contract]
    acoustic: AcousticModel = contract(folder / _MODEL_NAME, threads=threads)
    if acoustic.sample_rate_hz != manifest.sample_rate_hz:
        raise refuse_file(
            folder / MANIFEST_NAME,
            f"sample_rate_hz: got {manifest.sample_rate_hz}; accepted: "
            f"{acoustic.sample_rate_hz}, which {_MODEL_NAME} eats",
        )
    tokens = read_tokens(folder / _TOKENS_NAME)
    if len(tokens.texts) != acoustic.outputs:
        raise refuse_file(
            folder / _TOKENS_NAME,
            f"got {len(tokens.texts)} tokens; accepted: the {acoustic.outputs} of {_MODEL_NAME}",
        )
    graph = load_graph(folder, folder / _TOKENS_NAME, tokens)
    decoder = manifest.decoder.model_dump() | ({"beam": beam} if beam else {})
    return CtcModel(
        manifest=manifest,
        acoustic=acoustic,
        tokens=tokens,
        graph=graph,
        words=load_words(folder, tokens) if graph is None else None,
        parameters=BeamParameters(**decoder),
        calibration=Calibration(**manifest.confidence.model_dump()),
    )


def read_manifest(folder: Path) -> Manifest:
    """Read what a model says of itself, and load nothing else.

    Raises:
        RequestError: The file cannot be read, or a value is not accepted.
    """
    path = folder / MANIFEST_NAME
    try:
        return Manifest(**read_toml(path))
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(part) for part in detail['loc'])}: got {detail['input']!r}: "
            f"{detail['msg']}"
            for detail in error.errors()
        ]
        raise refuse_file(path, "; ".join(problems)) from None
