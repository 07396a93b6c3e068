"""The servers that Rechka is compared to, each with the speech that comes along."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import soundfile

from contenders.bare import decode_bare
from contenders.choice import Choice, choose
from contenders.conversation import Listener
from contenders.start import SERVERS, started
from rechka.audio.samples import to_pcm16
from rechka.cli.bench.speech import Clip, read_clips
from rechka.client import AsyncClient, RetryPolicy
from rechka.errors import CapacityError
from rechka.recognition.engines.scripted import ScriptedEngine
from rechka.results import Final, Partial
from rechka.spec import AudioEncoding, RecognitionSpec
from rechka.wire.codec_v2 import decode_response, encode_config
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2 as pb

ROOT = Path(__file__).parents[2]
SAID = ["günaydın", "benim adım ali", "bugün hava çok güzel"]
RATE_HZ = 16_000
GAP = bytes(2 * RATE_HZ)
SPEC = RecognitionSpec(
    language="tr-TR",
    encoding=AudioEncoding.LINEAR16_PCM,
    sample_rate_hz=RATE_HZ,
    partial_results=True,
    raw_results=True,
)


@pytest.fixture(scope="module")
def choice() -> Choice:
    return choose("tr-tr", None)


@pytest.fixture(scope="module")
def clips() -> Sequence[Clip]:
    found = read_clips(ROOT / "examples" / "audio", rate_hz=RATE_HZ, longest_s=12.0)
    return [clip for clip in found if clip.name == "speech-tr.ogg"]


def chunks(clip: Clip) -> list[bytes]:
    pcm = GAP + to_pcm16(clip.samples) + GAP
    return [pcm[start : start + 3_200] for start in range(0, len(pcm), 3_200)]


async def texts_of(client: AsyncClient, clip: Clip) -> list[str]:
    finals = await client.recognize(chunks(clip), SPEC)
    return [final.alternatives[0].text for final in finals]


def client_of(endpoint: str, token: str) -> AsyncClient:
    retries = RetryPolicy(first_attempts=1, attempts=1)
    return AsyncClient(endpoint, token=token, retries=retries)


@pytest.mark.parametrize("contender", SERVERS)
async def test_every_server_hears_what_is_said_to_it_side_by_side(
    contender: str, choice: Choice, clips: Sequence[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both streams fit one.
    monkeypatch.setenv("RECHKA_RECOGNITION__WORKERS", "1")
    with started(contender, choice, streams=2) as server:
        async with client_of(server.endpoint, server.token) as client:
            for _ in range(2):
                heard = await asyncio.gather(*(texts_of(client, clips[0]) for _ in range(2)))
                assert heard == [SAID, SAID]
        assert sum(server.processor_s()) > 0
        assert server.memory_bytes() > 2**20


async def test_a_process_has_one_stream_at_a_time_and_gets_the_next_when_it_ends(
    choice: Choice, clips: Sequence[Clip]
) -> None:
    with started("processes", choice, streams=1) as server:
        async with client_of(server.endpoint, server.token) as client:
            first = client.stream(chunks(clips[0]) * 20, SPEC)
            await anext(first)
            with pytest.raises(CapacityError):
                await texts_of(client, clips[0])
            await first.aclose()
            async with asyncio.timeout(60):
                while True:
                    try:
                        assert await texts_of(client, clips[0]) == SAID
                        break
                    except CapacityError:
                        # The process has not heard yet that its stream is over.
                        await asyncio.sleep(0.05)


def test_an_engine_that_may_not_be_run_by_many_threads_is_locked() -> None:
    choices = [Choice(name, "model", "en-US", "general", None) for name in ("ctc", "another")]
    locks = [Listener(ScriptedEngine({}), choice).decoding for choice in choices]
    assert [hasattr(lock, "acquire") for lock in locks] == [False, True]


def test_a_stream_that_ends_before_its_settings_is_answered_nothing(choice: Choice) -> None:
    listener = Listener(choice.load(streams=1, batch=1), choice)
    assert not list(listener.converse(iter(())))


def test_an_utterance_that_the_end_of_the_audio_cuts_is_answered(
    choice: Choice, clips: Sequence[Clip]
) -> None:
    listener = Listener(choice.load(streams=1, batch=1), choice)
    requests = [pb.StreamingRecognitionRequest(config=encode_config(SPEC))]
    # All but the silence behind it.
    spoken = chunks(clips[0])[: -len(GAP) // 3_200]
    requests += [pb.StreamingRecognitionRequest(audio_content=chunk) for chunk in spoken]
    results = [
        item for answer in listener.converse(iter(requests)) for item in decode_response(answer)
    ]
    finals = [result for result in results if isinstance(result, Final)]
    assert [final.alternatives[0].text for final in finals] == SAID
    partials = [result for result in results if isinstance(result, Partial)]
    assert partials
    assert any(text.startswith(partials[0].hypothesis.text) for text in SAID)


@pytest.mark.parametrize("together", [1, 3])
def test_the_bare_engine_hears_the_same_and_more_than_it_is_said_live(
    together: int, choice: Choice, clips: Sequence[Clip]
) -> None:
    bare = decode_bare(
        choice,
        clips,
        rate_hz=RATE_HZ,
        gap_s=1.0,
        together=together,
        duration_s=0.5,
        told=clips,
    )
    assert bare.texts == {"speech-tr.ogg": " ".join(SAID)}
    assert 0 < bare.speech_s < bare.audio_s
    assert bare.processor_s > 0
    assert bare.memory_bytes > 2**20


def test_the_program_compares_and_tells_in_json(tmp_path: Path, clips: Sequence[Clip]) -> None:
    (tmp_path / "audio").mkdir()
    # One word, so that it is soon said.
    word = clips[0].samples[:RATE_HZ]
    soundfile.write(tmp_path / "audio" / "word.wav", word, RATE_HZ)
    command = (
        *(sys.executable, str(ROOT / "bench" / "peers.py"), "--lang", "tr-TR"),
        *(
            "--contenders",
            "bare,threads",
            "--duration",
            "0.5",
            "--most-sessions",
            "2",
            "--gap",
            "0.8",
            "--cores",
            "1",
        ),
        *("--audio", str(tmp_path / "audio"), "--max-final-delay-ms", "60000"),
        *("--json", str(tmp_path / "told.json")),
    )
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "thread a stream" in done.stdout
    told = json.loads((tmp_path / "told.json").read_text(encoding="utf-8"))
    assert told["model"] == "starter-tr"
    bare, threads = told["contenders"]["bare"], told["contenders"]["threads"]
    assert threads["texts"] == bare["texts"] == {"word.wav": "günaydın"}
    assert (threads["sessions"], threads["is_least"]) == (2, True)
    assert threads["memory_bytes"] > 2**20
    assert told["cores"] == 1
    # Told with three decimals.
    assert threads["times_bare"] == pytest.approx(2 / bare["sessions"], abs=0.001)


def test_an_unknown_contender_is_refused_by_name() -> None:
    command = (sys.executable, str(ROOT / "bench" / "peers.py"), "--contenders", "bare,kaldi")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "got kaldi; accepted: bare, threads, processes, rechka" in done.stderr
