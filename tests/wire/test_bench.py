"""`rechka bench` against a server whose capacity and answers are known."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import soundfile
from rich.cells import cell_len
from rich.text import Text

from rechka.cli.bench.figures import summarize
from rechka.cli.bench.report import print_figures, write_report
from rechka.cli.bench.runs import Demand, Run, Runner
from rechka.cli.bench.sessions import Answer, Outcome, Progress, Target, run_all
from rechka.cli.bench.speech import Clip, make_talk, read_clips
from rechka.client import AsyncClient
from rechka.errors import UnavailableError
from rechka.spec import AudioEncoding, RecognitionSpec
from wire_client import Running, Start

SPEC = RecognitionSpec(
    language="en-US",
    encoding=AudioEncoding.LINEAR16_PCM,
    sample_rate_hz=8_000,
    partial_results=True,
    raw_results=True,
)


@pytest.fixture
def clips(pcm: bytes, tmp_path: Path) -> Sequence[Clip]:
    """One utterance of a second, written with silence around it and read again."""
    samples = np.frombuffer(pcm, dtype="<i2")[4_000:13_000]
    padded = np.concatenate((np.zeros(4_000, "<i2"), samples, np.zeros(8_000, "<i2")))
    (tmp_path / "audio" / "deep").mkdir(parents=True)
    soundfile.write(tmp_path / "audio" / "deep" / "one.wav", padded, 8_000)
    return read_clips(tmp_path / "audio", rate_hz=8_000, longest_s=5.0)


async def bench(running: Running, clips: Sequence[Clip], **how: Any) -> list[Run]:
    runner = Runner(clips, SPEC, pause_s=0.6, server=None, demand=demand(running, **how))
    return await runner.run(lambda progress: None)


def demand(running: Running, **how: Any) -> Demand:
    options: dict[str, Any] = {
        "endpoint": running.server.grpc_address,
        "token": running.access.iam_token,
        "sessions": 2,
        "duration_s": 0.1,
        "gap_s": 0.8,
        "talks": 2,
        "max_final_delay_ms": 60_000.0,
    }
    return Demand(**options | how)


def test_silence_at_the_ends_of_a_recording_is_cut_off(clips: Sequence[Clip]) -> None:
    (clip,) = clips
    assert clip.name == "deep/one.wav"
    assert 0.5 * 8_000 < len(clip.samples) <= 9_000
    assert np.abs(clip.samples[-80:]).max() > 0.01


def test_a_talk_says_when_each_clip_ends(clips: Sequence[Clip]) -> None:
    talk = make_talk(clips, rate_hz=8_000, lasting_s=4.0, gap_s=1.0, seed=1)
    samples = np.frombuffer(talk.pcm, dtype="<i2")
    assert len(talk.parts) == 2 or len(talk.parts) == 3
    for part in talk.parts:
        end = round(part.end_s * 8_000)
        assert np.abs(samples[end - 80 : end]).max() > 300
        assert not samples[end : end + 8_000].any()
    assert talk == make_talk(clips, rate_hz=8_000, lasting_s=4.0, gap_s=1.0, seed=1)


async def test_every_clip_is_answered_and_the_delays_are_those_of_the_server(
    start: Start, clips: Sequence[Clip]
) -> None:
    running = await start()
    (run,) = await bench(running, clips, sessions=3)
    figures = run.figures
    assert figures.sessions == figures.answers == figures.final.count == 3
    assert figures.unanswered == 0
    assert not figures.errors
    # No final can come before the pause is over; the time of the end is known to 10 ms.
    assert min(run.final_delays_s) > -0.1
    assert figures.first_partial.count == 3


async def test_a_text_that_differs_from_that_of_the_talk_alone_is_noticed(
    start: Start, clips: Sequence[Clip]
) -> None:
    # Each utterance of a session has a line of its own, under load as well as alone.
    running = await start(lines=["first", "second"])
    (run,) = await bench(running, clips, check=True, talks=2, duration_s=3.0, sessions=3)
    assert run.figures.answers == 6
    assert run.figures.changed == 0


def test_each_clip_is_compared_with_its_own_place_in_its_own_talk(clips: Sequence[Clip]) -> None:
    talk = make_talk(clips, rate_hz=8_000, lasting_s=4.0, gap_s=1.0, seed=1)

    def outcome(*texts: str, error: str | None = None) -> Outcome:
        parts = zip(talk.parts, texts, strict=False)
        return Outcome([Answer(part, text, 0.1, None, ()) for part, text in parts], error)

    outcomes = [outcome("a", "b"), outcome("b", "a"), outcome("a", "b", error="X")]
    alone = [("a", "b"), ("a", "b"), ("", "")]
    assert summarize(outcomes, alone).changed == 2
    assert summarize(outcomes, None).changed is None


async def test_sessions_say_again_what_was_heard_alone(start: Start, clips: Sequence[Clip]) -> None:
    running = await start()
    lengths = range(2_000, 6_800, 48)
    others = [Clip(str(length), clips[0].samples[:length]) for length in lengths]

    def length_s(number: int) -> float:
        talk = make_talk(others, rate_hz=8_000, lasting_s=0.1, gap_s=0.8, seed=number)
        return len(talk.pcm) / 2 / 8_000

    assert len({length_s(number) for number in range(3)}) == 3
    (run,) = await bench(running, others, check=True, talks=1, sessions=3)
    assert run.figures.audio_s == round(3 * length_s(0), 1)
    (run,) = await bench(running, others, sessions=3)
    assert run.figures.audio_s == round(sum(map(length_s, range(3))), 1)


async def test_a_text_alone_that_cannot_be_had_is_an_error_and_not_an_empty_text(
    start: Start, clips: Sequence[Clip]
) -> None:
    running = await start()
    with pytest.raises(UnavailableError, match=r"talk 1 could not .* alone: UNAUTH"):
        await bench(running, clips, check=True, token="t1.wrong")


async def test_what_nobody_measured_is_null_and_no_number(
    start: Start, clips: Sequence[Clip]
) -> None:
    running = await start()
    runs = await bench(running, clips, token="t1.wrong", find_capacity=True, sessions=1)
    written = json.dumps([run.as_dict() for run in runs], allow_nan=False)
    assert json.loads(written)[0]["final"] == {
        "count": 0,
        "p50_ms": None,
        "p95_ms": None,
        "p99_ms": None,
    }
    assert runs[0].is_late
    print_figures(runs)


async def test_refused_sessions_are_counted_by_their_code(
    start: Start, clips: Sequence[Clip]
) -> None:
    running = await start(engine_options={"max_streams": 2})
    (run,) = await bench(running, clips, sessions=5)
    assert run.figures.errors == {"OVERLOADED": 3}
    assert run.figures.answers == 2


async def test_the_capacity_is_the_highest_load_without_errors(
    start: Start, clips: Sequence[Clip], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running = await start(engine_options={"max_streams": 3})
    runs = await bench(running, clips, sessions=1, find_capacity=True)
    assert max(run.load for run in runs if not run.is_late) == 3
    assert min(run.load for run in runs if run.is_late) == 4
    print_figures(runs)
    # Of a server elsewhere nobody knows how many cores it has.
    assert "capacity: 3 sessions\n" in capsys.readouterr().out
    write_report(tmp_path / "report", runs)
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "capacity: 3 sessions" in page
    assert (tmp_path / "report" / "report.png").read_bytes().startswith(b"\x89PNG")


async def test_a_search_ends_at_the_most_sessions_that_are_asked_for(
    start: Start, clips: Sequence[Clip], capsys: pytest.CaptureFixture[str]
) -> None:
    running = await start()
    runs = await bench(running, clips, sessions=2, find_capacity=True, most_sessions=3)
    assert [run.load for run in runs] == [2, 3]
    print_figures(runs)
    assert "capacity: 3 sessions or more\n" in capsys.readouterr().out


@pytest.mark.parametrize("terminal", [None, "80"], ids=["file", "terminal"])
async def test_no_figure_of_a_long_search_is_cut_off(
    start: Start,
    clips: Sequence[Clip],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    terminal: str | None,
) -> None:
    running = await start()
    (run,) = await bench(running, clips, sessions=1)
    runs = [replace(run, load=100 + number, is_late=number > 6) for number in range(9)]
    if terminal is not None:
        monkeypatch.setenv("COLUMNS", terminal)
        monkeypatch.setenv("FORCE_COLOR", "1")
    # Of the log of the server.
    capsys.readouterr()
    print_figures(runs)
    told = capsys.readouterr().out
    assert all(f"{run.load}" in told for run in runs)
    assert "108 (late)" in told
    assert "server and workers, memory" in told
    assert "…" not in told
    if terminal is not None:
        assert "\x1b[" in told
        assert max(cell_len(line) for line in Text.from_ansi(told).plain.splitlines()) <= 80


class SilentClient:
    """Takes what is sent, and answers nothing."""

    def __init__(self) -> None:
        self.sizes_bytes: list[int] = []

    async def stream(self, chunks: AsyncIterator[bytes], _: RecognitionSpec) -> AsyncIterator[Any]:
        async for chunk in chunks:
            self.sizes_bytes.append(len(chunk))
        nothing: tuple[Any, ...] = ()
        for result in nothing:
            yield result


@pytest.mark.parametrize("chunk_ms", [20, 250])
async def test_messages_are_as_long_as_asked_for(clips: Sequence[Clip], chunk_ms: int) -> None:
    client = SilentClient()
    talk = make_talk(clips, rate_hz=8_000, lasting_s=0.1, gap_s=0.1, seed=1)
    target = Target(cast("AsyncClient", client), SPEC, pause_s=0.6, chunk_ms=chunk_ms)
    await run_all(target, [talk], spread_s=0.0, watch=lambda _: None)
    assert set(client.sizes_bytes[:-1]) == {chunk_ms * 16}
    assert sum(client.sizes_bytes) == len(talk.pcm)


async def test_late_answers_are_more_than_the_capacity(start: Start, clips: Sequence[Clip]) -> None:
    running = await start()
    runs = await bench(running, clips, sessions=1, find_capacity=True, max_final_delay_ms=-1e9)
    assert [run.load for run in runs] == [1]
    assert runs[0].is_late


async def test_whoever_watches_sees_the_run_go_on(start: Start, clips: Sequence[Clip]) -> None:
    running = await start()
    seen: list[tuple[int, int]] = []

    def watch(progress: Progress) -> None:
        seen.append((progress.running, progress.ended))

    await Runner(clips, SPEC, pause_s=0.6, server=None, demand=demand(running)).run(watch)
    assert (2, 0) in seen
    assert seen[-1] == (0, 2)
