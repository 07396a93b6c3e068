"""The commands as a user types them, against a server that a user started."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc.aio
import pytest

from access_fixtures import manage
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2_grpc
from wire_client import config

ROOT = Path(__file__).parents[2]
AUDIO = ROOT / "examples" / "audio"
RECHKA = (sys.executable, "-m", "rechka")
# Every model is loaded, once; no test has more sessions at a time.
SMALL = {
    "RECHKA_RECOGNITION__WORKERS": "1",
    "RECHKA_RECOGNITION__ENGINE_OPTIONS": '{"pocketsphinx": {"max_streams": 1}}',
}


@dataclass
class Service:
    """A server in its own process, and how to reach it."""

    process: subprocess.Popen[str]
    address: str
    environment: dict[str, str]


async def run(
    *command: str, environment: dict[str, str] | None = None, stdin: bytes | None = None
) -> tuple[int, str, str]:
    """Run a command; return exit code, output and errors."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | (environment or {}),
        cwd=ROOT,
    )
    output, errors = await process.communicate(stdin)
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


@contextmanager
def serving(data_dir: str, *arguments: str, **environment: str) -> Iterator[Service]:
    """Run a server; what still runs at the end of the context is killed."""
    access = manage(Path(data_dir), "bootstrap")
    assert access.keys() == {"folder_id", "iam_token", "api_key"}
    ports = ("--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0")
    command = (*RECHKA, "serve", "--data-dir", data_dir, *ports, *arguments)
    own = os.environ | environment
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=own) as process:
        assert process.stderr is not None
        address = ""
        while line := process.stderr.readline():
            if found := re.match(r"gRPC on (\S+),", line):
                address = found[1]
            if line.startswith("ready:"):
                break
        client = {"RECHKA_TOKEN": access["iam_token"], "RECHKA_ENDPOINT": address}
        try:
            yield Service(process, address, client)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(str(tmp_path_factory.mktemp("data")), **SMALL) as service:
        yield service
        service.process.terminate()
        service.process.communicate()
        assert service.process.returncode == 0


EXPECTED = ["Hello world", "Good morning everybody", "My name is john"]


async def test_a_file_is_recognized_and_printed_as_the_documented_client_does(
    service: Service,
) -> None:
    code, output, errors = await run(
        *RECHKA,
        "recognize",
        str(AUDIO / "speech.ogg"),
        "--lang",
        "en-US",
        environment=service.environment,
    )
    assert code == 0, errors
    blocks = [f"Start chunk: \nalternative: {text}\nIs final: True\n" for text in EXPECTED]
    assert output == "\n".join([*blocks, ""])


async def test_a_pipe_of_raw_pcm_is_recognized_to_json(service: Service) -> None:
    code, output, errors = await run(
        *RECHKA,
        "recognize",
        "-",
        "--encoding=LINEAR16_PCM",
        "--rate=8000",
        "--lang=en-US",
        "--partial",
        "--json",
        environment=service.environment,
        stdin=(AUDIO / "speech-8k.pcm").read_bytes(),
    )
    assert code == 0, errors
    lines = [json.loads(line) for line in output.splitlines()]
    keys = {"text", "final", "end_of_utterance", "alternatives", "words", "start_ms", "end_ms"}
    assert all(keys <= line.keys() for line in lines)
    finals = [line for line in lines if line["final"]]
    assert finals[0]["text"] == EXPECTED[0]
    assert len(finals) == 3
    assert len(lines) > 3
    ends = [line["end_ms"] for line in finals]
    assert ends == sorted(ends)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["absent.wav"], "absent.wav"),
        ([str(AUDIO / "speech.ogg"), "--lang=de-DE"], "'de-DE'; accepted: en-US"),
        ([str(AUDIO / "speech.ogg"), "--lang=en-US", "--token=t1.x"], "The token is invalid"),
        ([str(AUDIO / "speech.ogg"), "--endpoint=127.0.0.1:1"], "127.0.0.1:1"),
        ([str(AUDIO / "speech-16k.wav"), "--lang=en-US", "--rate=8000"], "16000"),
    ],
)
async def test_an_error_is_one_line_and_exit_code_1(
    service: Service, arguments: list[str], text: str
) -> None:
    code, output, errors = await run(
        *RECHKA, "recognize", *arguments, environment=service.environment
    )
    assert (code, output) == (1, "")
    assert text in errors
    assert errors.startswith("rechka: error: ")
    assert errors.count("\n") == 1


async def test_a_server_that_cannot_start_says_why_in_one_line(
    service: Service, tmp_path: Path
) -> None:
    code, _, errors = await run(
        *RECHKA, "serve", "--data-dir", str(tmp_path), "--grpc-address", service.address
    )
    assert code == 1
    assert errors == (
        f"rechka: error: settings: server.grpc_address: cannot listen on {service.address!r}: "
        "[Errno 98] Address already in use\n"
    )


def test_a_signal_ends_a_server_whose_workers_do_not_get_warm(tmp_path: Path) -> None:
    ports = ("--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0")
    command = (*RECHKA, "serve", "--data-dir", str(tmp_path), "--engine", "scripted", *ports)
    # A worker says it for trial as it starts.
    never = {**SMALL, "RECHKA_RECOGNITION__ENGINE_OPTIONS": '{"exit_on": "hello"}'}
    own = os.environ | never
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=own) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        assert any('"worker_did_not_start"' in line for line in lines)
        process.terminate()
        try:
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0
    assert "stopping: " in errors
    assert "Traceback" not in errors


async def test_a_second_signal_ends_a_server_that_waits_for_its_sessions(tmp_path: Path) -> None:
    patience = {"RECHKA_LIMITS__IDLE_S": "600", "RECHKA_SERVER__DRAIN_GRACE_S": "600"}
    with serving(str(tmp_path), "--engine", "scripted", **patience) as service:
        async with grpc.aio.insecure_channel(service.address) as channel:
            token = service.environment["RECHKA_TOKEN"]
            call = stt_service_pb2_grpc.SttServiceStub(channel).StreamingRecognize(
                metadata=(("authorization", f"Bearer {token}"),)
            )
            await call.write(config())
            await call.initial_metadata()
            service.process.terminate()
            assert service.process.stderr is not None
            lines = iter(service.process.stderr.readline, "")
            assert any(line.startswith("stopping:") for line in lines)
            assert service.process.poll() is None
            service.process.terminate()
            await asyncio.to_thread(service.process.communicate)
        assert service.process.returncode == 130


async def test_the_readmes_program_prints_what_the_readme_says(
    service: Service, tmp_path: Path
) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    program, output = re.findall(r"```python\n(.*?)```\n\n```\n(.*?)```", readme, re.DOTALL)[0]
    program = program.replace("localhost:50051", service.address)
    program = program.replace("t1...", service.environment["RECHKA_TOKEN"])
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    assert await run(sys.executable, str(tmp_path / "program.py")) == (0, output, "")


async def test_a_private_authority_is_made_and_trusted_by_command(tmp_path: Path) -> None:
    made = await run(
        *(*RECHKA, "tls", "dev-cert", "--host", "localhost", "--output", str(tmp_path), "--json")
    )
    files = json.loads(made[1])
    tls = ("--tls-cert", files["cert"], "--tls-key", files["key"])
    address = ("--grpc-address", "localhost:0", "--engine", "scripted")
    recognize = (*RECHKA, "recognize", str(AUDIO / "speech.ogg"), "--lang", "en-US")
    with serving(str(tmp_path / "data"), *address, *tls) as service:
        trusting = await run(
            *recognize, "--root-cert", files["ca"], environment=service.environment
        )
        assert trusting[0] == 0, trusting[2]
        assert trusting[1].count("Is final: True") == 3
        code, _, errors = await run(*recognize, "--tls", environment=service.environment)
        assert code == 1
        assert "certificate is not trusted" in errors


@pytest.mark.parametrize("example", ["recognize_file.py", "recognize_file_sync.py"])
async def test_the_examples_run(service: Service, example: str) -> None:
    code, output, errors = await run(
        sys.executable,
        f"examples/{example}",
        str(AUDIO / "speech.ogg"),
        environment=service.environment,
    )
    assert code == 0, errors
    assert all(text.lower() in output.lower() for text in EXPECTED)


async def test_a_client_built_by_the_documented_command_recognizes(
    service: Service, tmp_path: Path
) -> None:
    code, output, errors = await run(*RECHKA, "proto", "export", str(tmp_path / "api"))
    assert code == 0, errors
    (tmp_path / "api" / "output").mkdir(exist_ok=True)
    documented = (
        "-m grpc_tools.protoc -I . -I third_party/googleapis --python_out=output "
        "--grpc_python_out=output google/api/http.proto google/api/annotations.proto "
        "yandex/cloud/api/operation.proto google/rpc/status.proto "
        "yandex/cloud/operation/operation.proto yandex/cloud/ai/stt/v2/stt_service.proto"
    )
    await asyncio.to_thread(
        subprocess.run, [sys.executable, *documented.split()], cwd=tmp_path / "api", check=True
    )
    code, output, errors = await run(
        sys.executable,
        "examples/raw_grpc.py",
        str(AUDIO / "speech-8k.pcm"),
        environment=service.environment | {"PYTHONPATH": str(tmp_path / "api" / "output")},
    )
    assert code == 0, errors
    assert "... " in output
    assert output.count("final:") == 3
    assert f"final: {EXPECTED[0]}" in output


RUSSIAN = ["Добрый день", "Меня зовут мария", "Как пройти в музей"]
TURKISH = ["Günaydın", "Benim adım ali", "Bugün hava çok güzel"]


async def test_the_demo_shows_partials_and_the_right_finals_in_three_languages() -> None:
    demo = (sys.executable, "examples/demo.py", "--pace=fast")
    code, output, errors = await run(*demo, environment=SMALL)
    assert code == 0, errors
    shown = re.findall(r"alternative: (.*)\nIs final: (True|False)", output)
    assert [text for text, final in shown if final == "True"] == [
        *EXPECTED * 2,
        *RUSSIAN,
        *TURKISH,
    ]
    assert any(final == "False" for _, final in shown)


async def test_evaluation_measures_a_manifest(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.tsv"
    transcript = " ".join(EXPECTED).lower()
    shutil.copy(AUDIO / "speech-16k.wav", tmp_path)
    manifest.write_text(f"file\ttranscript\tsource\nspeech-16k.wav\t{transcript}\tflite\n")
    code, output, errors = await run(
        *RECHKA, "evaluate", str(manifest), "--json", environment=SMALL
    )
    assert code == 0, errors
    (row,) = json.loads(output)
    assert (row["clips"], row["wer"], row["cer"]) == (1, 0, 0)
    assert row["real_time_factor"] > 0
