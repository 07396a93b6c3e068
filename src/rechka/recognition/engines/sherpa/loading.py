"""Loads a model; its files are checked first, since sherpa-onnx would end the process."""

import re
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import sherpa_onnx

from rechka.recognition.engines.sherpa.device import Heard, check_device, listen_to_stderr
from rechka.recognition.engines.sherpa.guarded import SherpaModel
from rechka.recognition.engines.sherpa.layout import Layout, read_layout
from rechka.recognition.engines.sherpa.model_folder import (
    Manifest,
    ModelFiles,
    find_files,
    read_manifest,
)
from rechka.recognition.engines.sherpa.pieces import Pieces, read_pieces
from rechka.recognition.engines.sherpa.tokens import read_tokens
from rechka.recognition.model_folders import refuse_file
from rechka.recognition.options import refuse_option

__all__ = ["LoadOptions", "check_provider", "load_model"]

_METHODS = {"greedy": "greedy_search", "beam": "modified_beam_search"}
_PROVIDER = re.compile(r"cpu|cuda(:\d{1,2})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """How a model is loaded.

    Attributes:
        threads: Threads of one run.
        max_batch: Streams that are run at once.
        provider: "cpu", "cuda" or "cuda:1".
        decoding: "greedy", "beam", or "" for what the model's manifest says.
        beam: Paths of the beam search; 0 for what the manifest says.
    """

    threads: int = 1
    max_batch: int = 8
    provider: str = "cpu"
    decoding: str = ""
    beam: int = 0


def load_model(folder: Path, options: LoadOptions) -> SherpaModel:
    """Check a model's folder, load it and try it out.

    Raises:
        RequestError: A file is missing or no good, files do not fit together, a language
            is not the model's, or the device is not there.
    """
    manifest = read_manifest(folder)
    files = find_files(folder, manifest)
    tokens = read_tokens(files.tokens)
    layout = read_layout(files, tokens)
    unknown = [item for item in manifest.languages if layout.prompts and not layout.prompt(item)]
    if unknown:
        raise refuse_file(
            folder,
            f"languages: got {', '.join(unknown)}; accepted: {', '.join(sorted(layout.prompts))}",
        )
    method = options.decoding or manifest.decoder.method
    pieces = read_pieces(files.bpe, tokens) if method == "beam" else None
    recognizer = _create(files, manifest, layout, options, pieces)
    return SherpaModel(
        folder,
        manifest=manifest,
        layout=layout,
        recognizer=recognizer,
        pieces=pieces,
        device=_device_of(options.provider),
        max_batch=options.max_batch,
    )


def check_provider(provider: str) -> None:
    """Check the option `provider`.

    Raises:
        RequestError: It is none.
    """
    if not _PROVIDER.fullmatch(provider):
        raise refuse_option("provider", f"got {provider!r}; accepted: cpu, cuda, cuda:N")


def _device_of(provider: str) -> str:
    return "cuda:0" if provider == "cuda" else provider


def _create(
    files: ModelFiles,
    manifest: Manifest,
    layout: Layout,
    options: LoadOptions,
    pieces: Pieces | None,
) -> "sherpa_onnx.OnlineRecognizer":
    method = options.decoding or manifest.decoder.method
    provider, _, device = options.provider.partition(":")
    # Where sherpa-onnx ends the process after all, what it says must not be kept back.
    listening = nullcontext(Heard()) if provider == "cpu" else listen_to_stderr()
    with tempfile.TemporaryDirectory(prefix="rechka-") as folder, listening as heard:
        vocabulary = Path(folder) / "bpe.vocab"
        if pieces is not None:
            vocabulary.write_text(pieces.vocabulary(), encoding="utf-8")
        try:
            recognizer = sherpa_onnx.OnlineRecognizer.from_transducer(
                tokens=str(files.tokens),
                encoder=str(files.encoder),
                decoder=str(files.decoder),
                joiner=str(files.joiner),
                num_threads=options.threads,
                sample_rate=manifest.sample_rate_hz,
                feature_dim=layout.feature_dim,
                decoding_method=_METHODS[method],
                max_active_paths=options.beam or manifest.decoder.beam,
                blank_penalty=manifest.decoder.blank_penalty,
                model_type="" if layout.model_type == "nemo" else layout.model_type,
                modeling_unit="bpe" if pieces is not None else "cjkchar",
                bpe_vocab=str(vocabulary) if pieces is not None else "",
                # Probabilities are those of the model, not flattened.
                temperature_scale=1.0,
                provider=provider,
                device=int(device or 0),
            )
        except Exception as error:
            first_line = str(error).partition("\n")[0]
            raise refuse_file(
                files.encoder.parent, f"sherpa-onnx cannot load it: {first_line}"
            ) from None
    if provider != "cpu":
        check_device(options.provider, heard.text, Path("/proc/self/maps"))
    return recognizer
