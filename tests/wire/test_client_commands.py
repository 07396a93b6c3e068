"""`rechka recognize` and `rechka mic` as programs, against a small server."""

import asyncio
import json
import os
import pty
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from fakes.marked_opus import encode
from fakes.marked_speech import RATE_HZ, Speech, random_speech
from fakes.speech_server import Fault, SpeechServer, listen
from rechka.errors import AccessError, ErrorCode

RAW = ["--encoding", "LINEAR16_PCM", "--rate", str(RATE_HZ)]
SPEECH = random_speech(1, utterances=8)
Save = Callable[[bytes], str]
# Nothing here takes more than seconds, even on a loaded machine.
GUARD_S = 120.0
T = TypeVar("T")


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def write(data: bytes) -> str:
        (tmp_path / "audio").write_bytes(data)
        return str(tmp_path / "audio")

    return write


async def start(
    *arguments: str, path: Path | None = None, **streams: object
) -> asyncio.subprocess.Process:
    """Start the command; its three streams are pipes unless something else is given.

    Args:
        arguments: Of the command.
        path: Folder of modules that come before the installed ones.
        streams: Replace the pipes.
    """
    pipes: dict[str, object] = dict.fromkeys(("stdin", "stdout", "stderr"), asyncio.subprocess.PIPE)
    environment = {key: value for key, value in os.environ.items() if "RECHKA" not in key}
    environment |= {"RECHKA_TOKEN": "t-from-environment", "TERM": "xterm"}
    environment["PYTHONFAULTHANDLER"] = "1"
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rechka", *arguments),
        env=environment,
        **{**pipes, **streams},  # type: ignore[arg-type]
    )


async def answer_of(process: asyncio.subprocess.Process, answer: Awaitable[T]) -> T:
    """Wait for something that the program does; one that hangs tells where it waits."""
    try:
        async with asyncio.timeout(GUARD_S):
            return await answer
    except TimeoutError:
        process.send_signal(signal.SIGABRT)
        assert process.stderr is not None
        pytest.fail(f"the program hangs:\n{(await process.stderr.read()).decode()}")


async def run(*arguments: str, audio: bytes = b"") -> tuple[int, str, str]:
    """Run the command to its end; return exit code, output and complaints."""
    process = await start(*arguments)
    out, err = await answer_of(process, process.communicate(audio))
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def finals_of(lines: str) -> list[str]:
    results = [json.loads(line) for line in lines.splitlines()]
    return " ".join(item["text"] for item in results if item["final"]).split()


async def test_a_file_is_printed_in_blocks(save: Save) -> None:
    server = SpeechServer(SPEECH)
    async with listen(server) as listening:
        code, out, err = await run(
            "recognize", save(SPEECH.pcm), *RAW, "--endpoint", listening.endpoint
        )
    assert (code, err) == (0, "")
    blocks = out.split("\n\n")
    assert blocks.pop() == ""
    texts = []
    for block in blocks:
        first, alternative, last = block.split("\n")
        assert first == "Start chunk: "
        texts.append(alternative.removeprefix("alternative: "))
        assert last == "Is final: True"
    assert " ".join(texts).split() == SPEECH.texts
    assert server.sessions[0].metadata["authorization"] == "Bearer t-from-environment"


async def test_a_pipe_is_printed_as_json_with_partials_on_demand() -> None:
    speech = random_speech(2, utterances=8, step_ms=20)
    async with listen(SpeechServer(speech)) as listening:
        code, out, err = await run(
            *("recognize", "-", "--endpoint", listening.endpoint, "--json", "--partial"),
            audio=encode(speech),
        )
    assert (code, err) == (0, "")
    assert finals_of(out) == speech.texts
    assert any(not json.loads(line)["final"] for line in out.splitlines())


async def test_hotwords_go_with_the_session(save: Save) -> None:
    server = SpeechServer(SPEECH)
    async with listen(server) as listening:
        arguments = ("recognize", save(SPEECH.pcm), *RAW, "--endpoint", listening.endpoint)
        code, _, err = await run(*arguments, "--hotword", "речка", "--hotword", "ivan petrov:8")
        assert (code, err) == (0, "")
        code, _, err = await run(*arguments, "--hotword", "ivan:much")
    assert code == 1
    assert "--hotword: got 'ivan:much'; accepted as a boost: a number from -20 to 20" in err
    sent = {seen.metadata["x-rechka-hotwords-bin"].decode() for seen in server.sessions}
    assert sent == {"речка:4.0;ivan petrov:8.0"}


async def test_audio_longer_than_a_session_goes_on(save: Save) -> None:
    speech = random_speech(3, utterances=30)
    server = SpeechServer(speech)
    async with listen(server) as listening:
        code, out, _ = await run(
            *("recognize", save(speech.pcm), *RAW, "--json", "--session-s", "20"),
            *("--endpoint", listening.endpoint),
        )
    assert code == 0
    assert finals_of(out) == speech.texts
    assert len(server.sessions) > 2


async def test_results_are_written_at_once() -> None:
    """The program answers while its input is still open."""
    async with listen(SpeechServer(SPEECH)) as listening:
        process = await start(
            *("recognize", "-", *RAW, "--json", "--partial", "--endpoint", listening.endpoint)
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(SPEECH.pcm)
        await process.stdin.drain()
        first = await answer_of(process, process.stdout.readline())
        assert json.loads(first)["final"] is False
        process.stdin.close()
        rest, err = await answer_of(process, process.communicate())
    assert (process.returncode, err) == (0, b"")
    assert finals_of(rest.decode()) == SPEECH.texts


async def assert_one_line(*arguments: str, said: str) -> None:
    code, out, err = await run("recognize", *arguments)
    assert code == 1
    assert out == ""
    assert err.startswith("rechka: error: ")
    assert said in err
    assert err.count("\n") == 1


async def test_errors_are_one_line(save: Save, tmp_path: Path) -> None:
    refused = AccessError(ErrorCode.UNAUTHENTICATED, "The token is invalid")
    path = save(SPEECH.pcm)
    await assert_one_line(f"{tmp_path}/missing", said="missing: no such file or directory")
    await assert_one_line(path, said="has no known header; raw PCM needs")
    await assert_one_line(path, *RAW, "--endpoint", "localhost", said="accepted: HOST:PORT")
    await assert_one_line(
        path, *RAW, "--root-cert", f"{tmp_path}/ca", said="ca: no such file or directory"
    )
    server = SpeechServer(SPEECH, faults=[Fault(refused)])
    async with listen(server) as listening:
        where = ("--endpoint", listening.endpoint)
        await assert_one_line(
            path, *RAW, *where, said="The token is invalid (request id request-1)"
        )
        await assert_one_line(path, *RAW, *where, "--tls", said="the server does not speak TLS")
    await assert_one_line(path, *RAW, *where, said=f"cannot reach {listening.endpoint}: ")


async def test_an_interrupt_ends_a_silent_pipe_at_once_and_quietly() -> None:
    # A shell's background job ignores the signal, and so would everything that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    server = SpeechServer(SPEECH)
    async with listen(server) as listening:
        process = await start(
            *("recognize", "-", *RAW, "--partial", "--endpoint", listening.endpoint)
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(SPEECH.pcm)
        first = await answer_of(process, process.stdout.readline())
        assert first == b"Start chunk: \n"
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert await answer_of(process, process.stderr.read()) == b""
        assert await answer_of(process, process.wait()) == 130


async def test_a_reader_that_goes_away_is_no_error(save: Save) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    async with listen(SpeechServer(SPEECH)) as listening:
        process = await start(
            *("recognize", save(SPEECH.pcm), *RAW, "--endpoint", listening.endpoint),
            stdout=writing,
        )
        os.close(writing)
        _, err = await answer_of(process, process.communicate())
    assert (process.returncode, err) == (141, b"")


async def on_terminal(speech: Speech, *arguments: str) -> str:
    """Return what the command writes to a terminal."""
    reading, writing = pty.openpty()
    shown = bytearray()

    def read() -> None:
        try:
            while data := os.read(reading, 65_536):
                shown.extend(data)
        except OSError:
            # Linux says so at the end of a terminal.
            pass

    async with listen(SpeechServer(speech)) as listening:
        process = await start(*arguments, "--endpoint", listening.endpoint, stdout=writing)
        os.close(writing)
        await asyncio.to_thread(read)
        _, err = await process.communicate()
    os.close(reading)
    assert (process.returncode, err) == (0, b"")
    return shown.decode()


async def test_a_terminal_shows_text_that_is_rewritten_and_a_bar(save: Save) -> None:
    shown = await on_terminal(SPEECH, "recognize", save(SPEECH.pcm), *RAW)
    assert "Start chunk" not in shown
    assert "w1" in shown
    assert "\x1b[2K" in shown
    assert "━" in shown
    # Finals are lines of their own; what is rewritten comes with control sequences.
    lines = [line.split("\x1b[2K")[-1] for line in shown.split("\r\n")]
    assert " ".join(line for line in lines if line.startswith("w")).split() == SPEECH.texts


async def test_json_on_a_terminal_is_json(save: Save) -> None:
    shown = await on_terminal(SPEECH, "recognize", save(SPEECH.pcm), *RAW, "--json")
    assert finals_of(shown) == SPEECH.texts


# What the command imports in place of the real package: it has heard a file.
SOUNDDEVICE = """
import threading

class PortAudioError(Exception):
    pass

class RawInputStream:
    def __init__(self, *, blocksize, callback, **_):
        self.size, self.callback = 2 * blocksize, callback

    def start(self):
        threading.Thread(target=self.record).start()

    def record(self):
        data = open({path!r}, "rb").read()
        for start in range(0, len(data), self.size):
            self.callback(data[start : start + self.size], self.size // 2, None, None)

    def close(self):
        pass

def query_devices():
    return [dict(index=0, name="Desk", max_input_channels=1, default_samplerate=16000.0)]
"""


@pytest.fixture
def microphone(tmp_path: Path, save: Save) -> Path:
    """A folder with a `sounddevice` that hears the speech."""
    (tmp_path / "sounddevice.py").write_text(SOUNDDEVICE.format(path=save(SPEECH.pcm)))
    return tmp_path


async def test_an_interrupt_ends_the_recording_and_the_last_words_are_recognized(
    microphone: Path,
) -> None:
    async with listen(SpeechServer(SPEECH, limit_ms=1_000_000)) as listening:
        process = await start(
            *("mic", "--json", "--partial", "--rate", "8000", "--endpoint", listening.endpoint),
            path=microphone,
        )
        assert process.stdout is not None
        first = await answer_of(process, process.stdout.readline())
        assert json.loads(first)["text"] == "w1"
        process.send_signal(signal.SIGINT)
        rest, err = await answer_of(process, process.communicate())
    assert (process.returncode, err) == (0, b"")
    assert finals_of(rest.decode()) == SPEECH.texts


async def test_microphones_are_listed(microphone: Path) -> None:
    process = await start("mic", "--list-devices", path=microphone)
    out, err = await process.communicate()
    assert (process.returncode, out, err) == (0, b"  0  Desk  (16000 Hz)\n", b"")
