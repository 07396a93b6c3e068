"""Reads the folder of a model: `model.toml`, `model.onnx`, `tokens.txt`, language model."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rechka.recognition.engines.ctc.acoustic import AcousticModel
from rechka.recognition.engines.ctc.beam import BeamParameters
from rechka.recognition.engines.ctc.graph import Graph
from rechka.recognition.engines.ctc.kenlm_words import KenlmWords
from rechka.recognition.engines.ctc.language_model import load_graph, load_words
from rechka.recognition.engines.ctc.manifest import (
    MODEL_NAME,
    TOKENS_NAME,
    Manifest,
    read_manifest,
)
from rechka.recognition.engines.ctc.nemo import NemoModel
from rechka.recognition.engines.ctc.readings import Calibration
from rechka.recognition.engines.ctc.t_one import ToneModel
from rechka.recognition.engines.ctc.tokens import Tokens, read_tokens
from rechka.recognition.model_folders import MANIFEST_NAME, refuse_file

__all__ = ["CtcModel", "read_model"]

_CONTRACTS: Mapping[str, type[NemoModel | ToneModel]] = {"nemo": NemoModel, "t-one": ToneModel}


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
    acoustic: AcousticModel = contract(folder / MODEL_NAME, threads=threads)
    if acoustic.sample_rate_hz != manifest.sample_rate_hz:
        raise refuse_file(
            folder / MANIFEST_NAME,
            f"sample_rate_hz: got {manifest.sample_rate_hz}; accepted: "
            f"{acoustic.sample_rate_hz}, which {MODEL_NAME} eats",
        )
    tokens = read_tokens(folder / TOKENS_NAME)
    if len(tokens.texts) != acoustic.outputs:
        raise refuse_file(
            folder / TOKENS_NAME,
            f"got {len(tokens.texts)} tokens; accepted: the {acoustic.outputs} of {MODEL_NAME}",
        )
    graph = load_graph(folder, folder / TOKENS_NAME, tokens)
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
