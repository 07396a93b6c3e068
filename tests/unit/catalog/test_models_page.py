"""The page about models says what the catalog and the commands say."""

import re
import tomllib
from pathlib import Path

import click
import pytest

from rechka.catalog.entries import Entry, load_catalog
from rechka.catalog.manifest import read_manifest
from rechka.cli.models import models

PAGE = (Path(__file__).parents[3] / "docs" / "models.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `([\w-]+)`[^|]*\|(.*)\|$", PAGE, re.MULTILINE))


@pytest.mark.parametrize("entry", load_catalog().entries.values(), ids=lambda entry: entry.name)
def test_each_model_of_the_catalog_has_its_row(entry: Entry) -> None:
    cells = [cell.strip() for cell in ROWS[entry.name].split("|")]
    languages, engine, rate, download, errors, speed, memory, licence = cells
    assert languages == ", ".join(entry.languages)
    assert engine == entry.engine
    assert rate.startswith(f"{entry.sample_rate_hz // 1000} kHz")
    assert (f"{entry.chunk_ms} ms" in rate) == (entry.chunk_ms is not None)
    assert f"{(entry.expected_bytes or 0) / 1e6:.1f}".removesuffix(".0") in download
    published = [f"{figure.wer * 100:.2f} %" for figure in entry.card.figures]
    assert re.findall(r"[\d.]+ %", errors) == published
    assert speed == "not measured"
    assert memory == "not measured"
    assert licence.split(" ")[0] == entry.licence


def test_every_command_and_flag_of_its_own_is_told() -> None:
    for name, command in models.commands.items():
        assert f"rechka models {name}" in PAGE
        for option in command.params:
            if isinstance(option, click.Option):
                assert any(flag in PAGE for flag in option.opts), (name, option.name)


def test_the_catalog_of_the_page_is_one(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "catalog.toml"
    path.write_text(text.replace("…", "0" * 64), encoding="utf-8")
    catalog = load_catalog(path)
    assert catalog.find("ru-RU").name == "our-ru"
    assert len(catalog.urls(catalog.entries["t-one-ru"])) == 3


def test_every_key_of_a_model_is_told() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    told = {key for model in tomllib.loads(text)["models"] for key in model}
    told |= set(re.findall(r"`(\w+)`", PAGE))
    assert Entry.model_fields.keys() <= told


@pytest.mark.parametrize("page", ["ctc", "sherpa", "vosk"])
def test_what_the_pages_of_engines_write_into_a_models_folder_is_read_here_too(
    page: str, tmp_path: Path
) -> None:
    text = (Path(__file__).parents[3] / "docs" / f"{page}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    manifests = [block for block in blocks if re.search("^name = ", block, re.MULTILINE)]
    assert manifests
    for block in manifests:
        (tmp_path / "model.toml").write_text(block, encoding="utf-8")
        manifest = read_manifest(tmp_path)
        assert manifest.engine == page
        assert manifest.tags == ("general",)
