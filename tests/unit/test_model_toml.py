"""What is refused in the `model.toml` of a model, by the catalog as by each engine."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rechka.catalog.manifest import read_manifest
from rechka.errors import RequestError
from rechka.model_toml import read_model_toml
from rechka.recognition.engine_manifest import EngineManifest
from rechka.recognition.engines.ctc import manifest as ctc
from rechka.recognition.engines.sherpa import model_folder as sherpa
from rechka.recognition.engines.vosk import model_folder as vosk

WHOLE = {
    "name": '"own"',
    "version": '"1"',
    "languages": '["ru-RU", "kk-Cyrl-KZ"]',
    "tags": '["general:rc", "telephone_2"]',
    "sample_rate_hz": "22050",
    "licence": '"MIT"',
    "summary": '"Mine"',
}
ENGINES: dict[str, type[EngineManifest]] = {
    "ctc": ctc.Manifest,
    "sherpa": sherpa.Manifest,
    "vosk": vosk.Manifest,
}


def write(folder: Path, engine: str, *, encoding: str = "utf-8", **changes: str) -> Path:
    lines = {**WHOLE, "engine": f'"{engine}"', **changes}
    if engine == "ctc":
        lines["contract"] = '"t-one"'
    path = folder / "model.toml"
    path.write_text("\n".join(f"{key} = {value}" for key, value in lines.items()), encoding)
    return path


def readers(engine: str) -> list[Callable[[Path], Any]]:
    return [
        lambda path: read_manifest(path.parent),
        lambda path: read_model_toml(ENGINES[engine], path),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_manifest_is_read_with_and_without_a_mark_of_its_encoding(
    engine: str, encoding: str, tmp_path: Path
) -> None:
    path = write(tmp_path, engine, encoding=encoding)
    for read in readers(engine):
        assert (read(path).name, read(path).sample_rate_hz) == ("own", 22_050)
        assert list(read(path).languages) == ["ru-RU", "kk-Cyrl-KZ"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", '"a\\u001b[2J"'),
        ("name", '"a b"'),
        ("name", "1"),
        ("languages", '["  "]'),
        ("languages", '["not a lang!"]'),
        ("languages", '["ru-RU", "RU-ru"]'),
        ("languages", '"ru-RU"'),
        ("languages", "[]"),
        ("tags", '[""]'),
        ("tags", '["general "]'),
        ("tags", '["\\u001b"]'),
        ("sample_rate_hz", '"8000"'),
        ("sample_rate_hz", "8000.0"),
        ("sample_rate_hz", "true"),
        ("sample_rate_hz", "-1"),
        ("sample_rate_hz", "0"),
        ("sample_rate_hz", "7950"),
        # 20 ms of it are no whole number of samples.
        ("sample_rate_hz", "11025"),
    ],
)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_value_that_no_model_can_have_is_refused_by_its_field(
    engine: str, field: str, value: str, tmp_path: Path
) -> None:
    path = write(tmp_path, engine, **{field: value})
    for read in readers(engine):
        with pytest.raises(RequestError) as refused:
            read(path)
        assert refused.value.message.startswith(f"{path}: {field}")


@pytest.mark.parametrize(
    ("engine", "line"),
    [
        ("ctc", "decoder.beam = '3'"),
        ("ctc", "decoder.lm_weight = true"),
        ("ctc", "max_streams = '3'"),
        ("sherpa", "decoder.beam = 3.0"),
        ("sherpa", "text.lower_case = 1"),
    ],
)
def test_an_engines_own_numbers_are_no_texts(engine: str, line: str, tmp_path: Path) -> None:
    path = write(tmp_path, engine)
    with path.open("a") as file:
        file.write(f"\n{line}\n")
    with pytest.raises(RequestError, match=line.partition(" ")[0]):
        read_model_toml(ENGINES[engine], path)


def test_an_engines_own_tables_are_read(tmp_path: Path) -> None:
    path = write(tmp_path, "ctc")
    with path.open("a") as file:
        file.write("\n[decoder]\nlm_weight = 1\nbeam = 3\n[times]\nstart_offset_ms = 5\n")
    manifest = read_model_toml(ctc.Manifest, path)
    assert (manifest.decoder.lm_weight, manifest.decoder.beam) == (1.0, 3)
    assert manifest.times.start_offset_ms == 5
