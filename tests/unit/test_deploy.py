"""What is laid out for those who deploy fits the program."""

import configparser
import shlex
from pathlib import Path

import click

from rechka.cli.serve import serve
from rechka.settings import Settings

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "rechka.service"


def unit() -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False)
    # Names of systemd are told apart by their case.
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(UNIT.read_text(encoding="utf-8"))
    return parser


def test_the_unit_of_systemd_starts_the_program_with_options_that_it_has(tmp_path: Path) -> None:
    program, command, *options = shlex.split(unit()["Service"]["ExecStart"])
    assert (Path(program).name, command) == ("rechka", "serve")
    settings = tmp_path / "rechka.toml"
    settings.touch()
    options[options.index("--config") + 1] = str(settings)

    with serve.make_context("serve", options) as context:
        assert isinstance(context, click.Context)
        assert context.params["data_dir"] == Path("/var/lib/rechka")


def test_the_unit_of_systemd_waits_longer_than_sessions_may_take_to_end() -> None:
    assert float(unit()["Service"]["TimeoutStopSec"]) > Settings().server.drain_grace_s + 10
