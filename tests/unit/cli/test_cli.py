"""The command as a whole: what it lists, loads and says when something is wrong."""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click
import google.protobuf
import grpc
import pytest
import typing_extensions
from click.testing import CliRunner

import rechka
from rechka.cli import _COMMANDS, cli
from rechka.errors import ErrorCode, RequestError, UnavailableError


def run_without(blocked: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process where some packages cannot be imported."""
    code = f"""
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
sys.argv = ["rechka", *{list(arguments)}]
from rechka.cli import main
main()
"""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def run_command(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> tuple[int, str]:
    """Run `rechka mic` in which `error` is raised; return exit code and standard error."""

    @click.command()
    def mic() -> None:
        raise error

    module = ModuleType("rechka.cli.mic")
    vars(module)["mic"] = mic
    monkeypatch.setitem(sys.modules, "rechka.cli.mic", module)
    monkeypatch.delenv("RECHKA_DEBUG", raising=False)
    result = CliRunner().invoke(cli, ["mic"])
    return result.exit_code, result.stderr


def test_help_lists_all_commands_without_loading_one() -> None:
    done = run_without(["grpc", "google", "numpy", "pydantic", "rich"], "--help")
    assert done.returncode == 0, done.stderr
    listed = dict(line.split(None, 1) for line in done.stdout.split("Commands:\n")[1].splitlines())
    assert listed == {name: entry.help for name, entry in _COMMANDS.items()}


def test_the_version_is_told() -> None:
    assert rechka.__version__ in CliRunner().invoke(cli, ["--version"]).stdout


@pytest.mark.parametrize("name", _COMMANDS)
def test_every_command_has_help_with_all_options_explained(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert f"Usage: cli {name}" in result.stdout


@pytest.mark.parametrize("name", ["recognize", "mic"])
def test_every_option_of_the_client_is_explained(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


@pytest.mark.parametrize(
    ("name", "extra"), [("serve", "server"), ("access", "server"), ("evaluate", "server,evaluate")]
)
def test_a_command_of_the_server_says_what_to_install(name: str, extra: str) -> None:
    done = run_without(["pydantic", "numpy", "soundfile"], name, "--help")
    assert done.returncode == 1
    assert done.stderr.startswith(f"rechka: error: `rechka {name}` needs a package")
    assert done.stderr.endswith(f"pip install 'rechka[{extra}]'\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["bench", "evaluate"])
def test_what_measures_has_help_with_the_server_alone(name: str, tmp_path: Path) -> None:
    blocked = ["soundfile", "jiwer", "matplotlib"]
    done = run_without(blocked, name, "--help")
    assert done.returncode == 0, done.stderr
    assert "--sessions" in done.stdout
    manifest = tmp_path / "manifest.tsv"
    manifest.touch()
    arguments = ["--audio", str(tmp_path)] if name == "bench" else [str(manifest)]
    done = run_without(blocked, name, *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith(f"rechka: error: `rechka {name}` needs a package")
    assert done.stderr.endswith("pip install 'rechka[server,evaluate]'\n")


@pytest.mark.parametrize("name", ["recognize", "mic", "proto"])
def test_commands_of_the_client_work_without_the_server(name: str) -> None:
    blocked = ["numpy", "av", "pydantic", "structlog", "starlette", "uvicorn", "sounddevice"]
    done = run_without(blocked, name, "--help")
    assert done.returncode == 0, done.stderr


def test_an_error_is_one_line_with_the_request_id(monkeypatch: pytest.MonkeyPatch) -> None:
    error = UnavailableError(ErrorCode.UNAVAILABLE, "cannot reach x:1", request_id="abc")
    assert run_command(monkeypatch, error) == (
        1,
        "rechka: error: cannot reach x:1 (request id abc)\n",
    )
    error_without = RequestError(ErrorCode.INVALID_AUDIO, "no audio")
    assert run_command(monkeypatch, error_without) == (1, "rechka: error: no audio\n")


def test_a_fault_of_our_own_is_one_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    code, said = run_command(monkeypatch, KeyError("x"))
    assert code == 1
    assert said.startswith("rechka: error: unexpected KeyError: 'x';")
    assert said.count("\n") == 1


def test_an_interrupt_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_command(monkeypatch, KeyboardInterrupt()) == (130, "")


def test_an_unknown_command_is_wrong_usage() -> None:
    result = CliRunner().invoke(cli, ["recognise"])
    assert result.exit_code == 2
    assert "No such command 'recognise'" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["x.wav", "--encoding", "MP3"],
        ["x.wav", "--pace", "slow"],
        ["x.wav", "--chunk-ms", "5"],
        ["x.wav", "--token", "a", "--api-key", "b"],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(cli, ["recognize", *arguments]).exit_code == 2


DOCUMENTED = (
    "-m grpc_tools.protoc -I . -I third_party/googleapis --python_out=output "
    "--grpc_python_out=output google/api/http.proto google/api/annotations.proto "
    "yandex/cloud/api/operation.proto google/rpc/status.proto "
    "yandex/cloud/operation/operation.proto yandex/cloud/ai/stt/v2/stt_service.proto"
)
IMPORT = """
from yandex.cloud.ai.stt.v2 import stt_service_pb2, stt_service_pb2_grpc
assert stt_service_pb2.__file__.startswith({output!r})
assert hasattr(stt_service_pb2_grpc, "SttServiceStub")
request = stt_service_pb2.StreamingRecognitionRequest(audio_content=b"x")
assert request.SerializeToString() == b"\\x12\\x01x"
"""


def test_the_documented_command_works_in_an_exported_folder(tmp_path: Path) -> None:
    folder = tmp_path / "api"
    result = CliRunner().invoke(cli, ["proto", "export", str(folder)])
    assert result.exit_code == 0, result.output
    assert f"cd {folder}\npython {DOCUMENTED}\n" in result.stdout
    subprocess.run([sys.executable, *DOCUMENTED.split()], cwd=folder, check=True)
    # The vendor's SDK, where it is installed, would be imported in place of the output.
    needed = tmp_path / "needed"
    needed.mkdir()
    source = Path(grpc.__file__).parents[1]
    for module in (grpc, google.protobuf, typing_extensions):
        name = Path(str(module.__file__)).relative_to(source).parts[0]
        (needed / name).symlink_to(source / name)
    output = str(folder / "output")
    done = subprocess.run(
        [sys.executable, "-S", "-c", IMPORT.format(output=output)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((output, str(needed)))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_only_the_public_api_is_exported(tmp_path: Path) -> None:
    CliRunner().invoke(cli, ["proto", "export", str(tmp_path)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["output", "third_party", "yandex"]


def test_a_folder_that_is_not_empty_is_left_alone_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    refused = CliRunner().invoke(cli, ["proto", "export", str(tmp_path)])
    assert refused.exit_code == 1
    assert "not empty; --force" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert CliRunner().invoke(cli, ["proto", "export", str(tmp_path), "--force"]).exit_code == 0
    assert (tmp_path / "mine").read_text() == "mine"
    assert (tmp_path / "yandex" / "cloud" / "ai" / "stt" / "v2" / "stt_service.proto").is_file()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(cli, ["proto", "export", str(tmp_path / "file" / "api")])
    assert result.exit_code == 1
    assert "not a directory" in result.stderr
