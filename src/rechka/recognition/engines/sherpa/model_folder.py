"""Reads the folder of a model: `model.toml`, three ONNX files, `tokens.txt`, pieces of words."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from rechka.model_toml import Rate, read_model_toml
from rechka.recognition.engine_manifest import EngineManifest
from rechka.recognition.model_folders import MANIFEST_NAME, refuse_file
from rechka.recognition.onnx_file import check_onnx

__all__ = ["Manifest", "ModelFiles", "check_folder", "find_files", "read_manifest"]

_PARTS = ("encoder", "decoder", "joiner")

_FileName = Annotated[str, Field(pattern=r"^[^/\\]+$")]
_Millis = Annotated[int, Field(ge=-1_000, le=1_000)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Files(_Table):
    encoder: _FileName = ""
    decoder: _FileName = ""
    joiner: _FileName = ""
    tokens: _FileName = "tokens.txt"
    bpe: _FileName = ""


class _Decoder(_Table):
    method: Literal["greedy", "beam"] = "greedy"
    beam: Annotated[int, Field(ge=1, le=100)] = 4
    blank_penalty: Annotated[float, Field(ge=0, le=10)] = 0.0


class _Confidence(_Table):
    scale: Annotated[float, Field(gt=0, le=10)] = 1.0
    bias: Annotated[float, Field(ge=-20, le=20)] = 0.0


class _Times(_Table):
    start_offset_ms: _Millis = 0
    end_offset_ms: _Millis = 0


class _Text(_Table):
    lower_case: bool = False
    drop_punctuation: bool = False


class Manifest(EngineManifest):
    """What `model.toml` says.

    Attributes:
        engine: Always "sherpa".
        kind: What the ONNX files are.
        files: Names of the files in the folder; those not named are found by `find_files`.
        decoder: The search, where the engine's options do not say: `method`, `beam`
            (paths of a beam search), `blank_penalty` (taken from the blank's logit).
        confidence: A word's confidence is the logistic function of `scale` times the
            log-odds of its tokens' mean probability, plus `bias`.
        times: Added to the tokens' times of starts and ends of words, in milliseconds.
        text: Whether capitals become small letters, and whether punctuation that the
            model writes itself is left out.
    """

    engine: Literal["sherpa"]
    kind: Literal["transducer"] = "transducer"
    sample_rate_hz: Annotated[Rate, Field(le=48_000)]
    files: _Files = _Files()
    decoder: _Decoder = _Decoder()
    confidence: _Confidence = _Confidence()
    times: _Times = _Times()
    text: _Text = _Text()


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Where the parts of a model lie.

    Attributes:
        encoder: From features to frames; ONNX.
        decoder: From the last tokens to what is likely next; ONNX.
        joiner: Both together to tokens; ONNX.
        tokens: Text of each output.
        bpe: Pieces of words and their scores, `*.model` of sentencepiece or a `*.vocab`;
            None where there is none.
    """

    encoder: Path
    decoder: Path
    joiner: Path
    tokens: Path
    bpe: Path | None


def read_manifest(folder: Path) -> Manifest:
    """Read `model.toml`.

    Raises:
        RequestError: It cannot be read, or a value is not accepted; each one is named.
    """
    return read_model_toml(Manifest, folder / MANIFEST_NAME)


def find_files(folder: Path, manifest: Manifest) -> ModelFiles:
    """Return the files that the manifest names, or that are the only ones of their part.

    A part that is not named is the file `encoder*.onnx` (`decoder*.onnx`, `joiner*.onnx`);
    the pieces are `bpe.model`, else `bpe.vocab`.

    Raises:
        RequestError: A file is missing, or several could be meant.
    """
    names = manifest.files
    parts = {part: _part(folder, part, getattr(names, part)) for part in _PARTS}
    tokens = _existing(folder, names.tokens)
    bpe: Path | None = None
    if names.bpe:
        bpe = _existing(folder, names.bpe)
    else:
        for name in ("bpe.model", "bpe.vocab"):
            if bpe is None and (folder / name).is_file():
                bpe = folder / name
    return ModelFiles(**parts, tokens=tokens, bpe=bpe)


def check_folder(folder: Path) -> None:
    """Check what can be checked of a model without loading it.

    Raises:
        RequestError: As `read_manifest` and `find_files`; or a file is cut.
    """
    files = find_files(folder, read_manifest(folder))
    for path in (files.encoder, files.decoder, files.joiner):
        check_onnx(path)


def _part(folder: Path, part: str, name: str) -> Path:
    if name:
        return _existing(folder, name)
    found = sorted(path.name for path in folder.glob(f"{part}*.onnx"))
    if len(found) != 1:
        raise refuse_file(
            folder,
            f"files.{part}: got {', '.join(found) or 'none'}; accepted: one file "
            f"{part}*.onnx, or its name in {MANIFEST_NAME}",
        )
    return folder / found[0]


def _existing(folder: Path, name: str) -> Path:
    if not (folder / name).is_file():
        raise refuse_file(folder / name, "there is no such file")
    return folder / name
