"""What /metrics tells of sessions that were served, refused and left."""

import asyncio
from typing import Any

import grpc
import httpx
from prometheus_client.parser import text_string_to_metric_families

from wire_client import Message, Running, Start, audio, config, outcome_of

STT = "/yandex.cloud.ai.stt.v2.SttService/StreamingRecognize"
ENGLISH = {"language": "en-US"}


async def metrics_of(running: Running) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    async with httpx.AsyncClient(base_url=f"http://{running.server.http_address}") as http:
        answer = await http.get("/metrics", headers={"accept": "text/plain"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def value_of(running: Running, name: str, **labels: str) -> float:
    return (await metrics_of(running)).get((name, frozenset(labels.items())), 0.0)


async def test_a_served_session_is_counted_with_its_audio_results_and_delays(
    start: Start, pcm: bytes
) -> None:
    running = await start()
    outcome = await running.recognize([config(partial_results=True), *audio(pcm)])
    assert len(outcome.finals) == 3
    found = await metrics_of(running)
    model = running.server.recognizer.models[0].name

    def value(name: str, **labels: str) -> float:
        return found[name, frozenset(labels.items())]

    assert value("rechka_sessions_ended_total", **ENGLISH, model=model, outcome="OK") == 1
    assert value("rechka_sessions", **ENGLISH, model=model) == 0
    seconds = len(pcm) / 2 / 8000
    assert abs(value("rechka_audio_seconds_total", **ENGLISH) - seconds) < 1e-6
    assert value("rechka_results_total", **ENGLISH, kind="final") == 3
    partials = value("rechka_results_total", **ENGLISH, kind="partial")
    assert partials == len(outcome.partials) > 0
    assert value("rechka_final_delay_seconds_count", **ENGLISH) == 3
    assert 1 <= value("rechka_first_partial_delay_seconds_count", **ENGLISH) <= 3
    assert value("rechka_calls_total", method=STT, status="OK") == 1


async def test_methods_that_are_not_served_are_counted_under_one_name(start: Start) -> None:
    running = await start()
    channel: Any = running.channel
    for number in range(3):
        call = channel.unary_unary(f"/some.Service/Method{number}")(b"", timeout=600)
        assert await call.code() is grpc.StatusCode.UNIMPLEMENTED
    found = await metrics_of(running)
    assert (
        found[
            "rechka_calls_total", frozenset({"method": "other", "status": "UNIMPLEMENTED"}.items())
        ]
        == 3
    )
    assert not any("some.Service" in dict(labels).get("method", "") for _, labels in found)


async def test_a_running_session_is_in_the_gauge(start: Start, pcm: bytes) -> None:
    running = await start()
    call = await running.begin(pcm)
    model = running.server.recognizer.models[0].name
    assert await value_of(running, "rechka_sessions", **ENGLISH, model=model) == 1
    await call.done_writing()
    assert (await outcome_of(call)).error is None
    assert await value_of(running, "rechka_sessions", **ENGLISH, model=model) == 0


async def test_errors_are_counted_by_status_and_by_stable_code(start: Start, pcm: bytes) -> None:
    running = await start()
    await running.recognize([config(language_code="de-DE")])
    await running.recognize([config()], authorization="")
    assert await value_of(running, "rechka_calls_total", method=STT, status="INVALID_ARGUMENT") == 1
    assert await value_of(running, "rechka_calls_total", method=STT, status="UNAUTHENTICATED") == 1
    assert await value_of(running, "rechka_errors_total", code="INVALID_CONFIG") == 1
    assert await value_of(running, "rechka_errors_total", code="UNAUTHENTICATED") == 1
    refused = {"language": "", "model": "", "outcome": "INVALID_CONFIG"}
    assert await value_of(running, "rechka_sessions_ended_total", **refused) == 1


async def test_a_session_that_its_client_cancels_is_counted_as_such(
    start: Start, pcm: bytes
) -> None:
    running = await start()
    call = await running.begin(pcm)
    call.cancel()
    model = running.server.recognizer.models[0].name
    labels = {**ENGLISH, "model": model, "outcome": "CANCELLED"}
    async with asyncio.timeout(60):
        # The client cannot know when the server has noticed.
        while True:
            if await value_of(running, "rechka_sessions_ended_total", **labels):
                break
    assert await value_of(running, "rechka_sessions", **ENGLISH, model=model) == 0


async def test_no_word_of_a_session_is_in_the_metrics(start: Start, pcm: bytes) -> None:
    running = await start(lines=["sesame"])
    outcome = await running.recognize([config(), Message(audio_content=pcm)])
    assert "Sesame" in outcome.finals
    async with httpx.AsyncClient(base_url=f"http://{running.server.http_address}") as http:
        text = (await http.get("/metrics")).text
    assert "sesame" not in text.lower()
    assert running.access.iam_token not in text
