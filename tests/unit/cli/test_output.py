"""Results as they are printed, and options as they are understood."""

import io
import json
from typing import Any

import click
import pytest
from click.testing import CliRunner
from rich.console import Console

from rechka.cli.options import connection_options, make_client, make_spec, recognition_options
from rechka.cli.output import ChunkPrinter, JsonPrinter, LivePrinter
from rechka.results import Final, Hypothesis, Partial, Word
from rechka.spec import RecognitionSpec

PARTIAL = Partial(Hypothesis("Hello"))
WORDS = (Word("Hello", 100, 400, 0.5), Word("мир", 450, 800))
FINAL = Final(
    (Hypothesis("Hello мир", WORDS, 0.75), Hypothesis("Yellow")), start_ms=100, end_ms=800
)


def test_blocks_of_lines_are_those_of_the_documented_client(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with ChunkPrinter() as printer:
        printer.show(PARTIAL)
        printer.show(FINAL)
    assert capsys.readouterr().out == (
        "Start chunk: \n"
        "alternative: Hello\n"
        "Is final: False\n"
        "\n"
        "Start chunk: \n"
        "alternative: Hello мир\n"
        "alternative: Yellow\n"
        "Is final: True\n"
        "\n"
    )


def test_json_is_one_object_a_line_with_all_keys(capsys: pytest.CaptureFixture[str]) -> None:
    with JsonPrinter() as printer:
        printer.show(PARTIAL)
        printer.show(FINAL)
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [
        {
            "text": "Hello",
            "final": False,
            "end_of_utterance": False,
            "alternatives": [{"text": "Hello", "confidence": 1.0}],
            "words": [],
            "start_ms": None,
            "end_ms": None,
        },
        {
            "text": "Hello мир",
            "final": True,
            "end_of_utterance": True,
            "alternatives": [
                {"text": "Hello мир", "confidence": 0.75},
                {"text": "Yellow", "confidence": 1.0},
            ],
            "words": [
                {"text": "Hello", "start_ms": 100, "end_ms": 400, "confidence": 0.5},
                {"text": "мир", "start_ms": 450, "end_ms": 800, "confidence": 1.0},
            ],
            "start_ms": 100,
            "end_ms": 800,
        },
    ]
    assert "мир" in lines[1]


def live_output(length_ms: float | None) -> str:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=60, color_system=None)
    with LivePrinter(
        position_ms=lambda: 65_000, length_ms=lambda: length_ms, console=console
    ) as printer:
        printer.show(PARTIAL)
        printer.show(FINAL)
        printer.show(Final((Hypothesis("[bold]as it is"),)))
        printer.show(Final((Hypothesis(""),)))
    return screen.getvalue()


def test_a_terminal_shows_finals_as_lines_and_partials_until_they_are_replaced() -> None:
    shown = live_output(130_000)
    assert "Hello мир\n" in shown
    assert "[bold]as it is\n" in shown
    assert "Yellow" not in shown
    assert "1:05 / 2:10" in shown
    # The live lines are erased at the end: only the finals stay.
    assert shown.rstrip().endswith("\x1b[2K") or "\x1b[2K" in shown.rsplit("\n", 1)[-1]


def test_a_source_without_an_end_shows_the_time_alone() -> None:
    shown = live_output(None)
    assert "1:05" in shown
    assert "━" not in shown


def parsed(*arguments: str, **environment: str) -> dict[str, Any]:
    """Return what the options make: the client's fields and the settings."""
    found: dict[str, Any] = {}

    @click.command()
    @connection_options
    @recognition_options
    def command(**options: Any) -> None:
        client = make_client(options)
        found["header"] = client._credentials.header()
        found["tls"] = client._tls
        found["endpoint"] = client._endpoint
        found["folder_id"] = client._folder_id
        found["limits"] = client._limits
        found["spec"] = make_spec(options, partial_default=False)
        found["live"] = make_spec(options, partial_default=True)

    none = dict.fromkeys(["RECHKA_TOKEN", "RECHKA_API_KEY", "RECHKA_ENDPOINT", "RECHKA_FOLDER_ID"])
    result = CliRunner().invoke(command, arguments, env={**none, **environment})
    assert result.exit_code == 0, result.output
    return found


def test_the_defaults_are_a_local_server_and_the_apis_own() -> None:
    found = parsed()
    assert found["endpoint"] == "localhost:50051"
    assert found["header"] is None
    assert found["tls"] is None
    assert found["spec"] == RecognitionSpec()
    assert found["live"].partial_results


def test_options_become_settings() -> None:
    found = parsed(
        *("--lang", "en-US", "--model", "general:rc", "--partial", "--raw", "--profanity-filter"),
        *("--literature", "--single-utterance", "--session-s", "60", "--folder-id", "f"),
    )
    assert found["spec"] == RecognitionSpec(
        language="en-US",
        model="general:rc",
        partial_results=True,
        raw_results=True,
        profanity_filter=True,
        literature_text=True,
        single_utterance=True,
    )
    assert found["folder_id"] == "f"
    assert found["limits"].audio_s == 60
    assert not parsed("--no-partial")["live"].partial_results


def test_secrets_may_stand_in_the_environment_and_the_command_line_wins() -> None:
    assert parsed(RECHKA_TOKEN="t")["header"] == "Bearer t"
    assert parsed(RECHKA_API_KEY="k")["header"] == "Api-Key k"
    assert parsed("--token", "t", RECHKA_API_KEY="k")["header"] == "Bearer t"
    assert parsed("--api-key", "k", RECHKA_TOKEN="t")["header"] == "Api-Key k"
    assert parsed(RECHKA_ENDPOINT="x:1", RECHKA_FOLDER_ID="f")["endpoint"] == "x:1"


def test_a_root_certificate_turns_tls_on(tmp_path: Any) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(b"-----BEGIN CERTIFICATE-----")
    assert parsed("--tls")["tls"].root_certificates is None
    assert parsed("--root-cert", str(path))["tls"].root_certificates == path.read_bytes()
