"""What real workers measure reaches /metrics, the dashboard and the clients."""

import asyncio
import errno
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc.aio
import httpx
import pytest
from structlog.testing import capture_logs

from fakes.tone_models import tones, write_model
from rechka.audio.samples import to_pcm16
from rechka.bootstrap import Server
from rechka.recognition.measures import Measures
from rechka.recognition.pool import WorkerPool
from rechka.settings import load_settings
from wire_client import Running, audio, config

RUSSIAN = config(language_code="ru-RU", sample_rate_hertz=16_000)
ROOT = Path(__file__).parents[2]
NAME = re.compile(r"\brechka_[a-z_]+")


@asynccontextmanager
async def serving(tmp_path: Path) -> AsyncIterator[Running]:
    models = {"models": [str(write_model(tmp_path / "model", words=("ab", "cab")))]}
    settings = load_settings(
        overrides={
            "data_dir": tmp_path / "data",
            "server": {"grpc_address": "127.0.0.1:0", "http_address": "127.0.0.1:0"},
            "recognition": {"engine": "ctc", "engine_options": models, "workers": 1},
            "limits": {"idle_s": 600},
        }
    )
    async with Server(settings) as server:
        await server.wait_ready()
        access = await server.create_development_access()
        async with grpc.aio.insecure_channel(server.grpc_address) as channel:
            yield Running(server, access, channel)


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    async with serving(tmp_path) as running:
        yield running


async def metrics_of(running: Running) -> str:
    async with httpx.AsyncClient(base_url=f"http://{running.server.http_address}") as http:
        return (await http.get("/metrics")).text


async def wait_for(running: Running, pattern: str) -> re.Match[str]:
    async with asyncio.timeout(60):
        while True:
            if found := re.search(pattern, await metrics_of(running), re.MULTILINE):
                return found
            await asyncio.sleep(0.05)


async def test_what_a_worker_did_is_in_the_metrics(running: Running) -> None:
    pcm = to_pcm16(tones("ab cab", rate_hz=16_000))
    outcome = await running.recognize([RUSSIAN, *audio(pcm)])
    assert outcome.finals
    decoded = await wait_for(
        running, r'^rechka_worker_decoded_seconds_total\{worker="0"\} ([1-9]\S*|0\.[1-9]\d*)$'
    )
    assert float(decoded[1]) <= len(pcm) / 2 / 16_000 + 1e-6
    await wait_for(running, r'^rechka_worker_busy_seconds_total\{worker="0"\} (?!0\.0$)')
    await wait_for(running, r'^rechka_worker_resident_bytes\{worker="0"\} [1-9]')
    await wait_for(running, r"^rechka_workers 1\.0$")
    await wait_for(running, r'^rechka_model_info\{.*language="ru-RU".*\} 1\.0$')


async def test_workers_that_could_not_be_measured_are_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure, tries = WorkerPool.measure, 0

    async def fail_twice(pool: WorkerPool) -> dict[int, Measures]:
        nonlocal tries
        tries += 1
        if tries <= 2:
            raise OSError(errno.EMFILE, "no descriptor is left")
        return await measure(pool)

    monkeypatch.setattr(WorkerPool, "measure", fail_twice)
    with capture_logs() as log:
        async with serving(tmp_path) as running:
            await wait_for(running, r"^rechka_workers 1\.0$")
    assert [item["event"] for item in log].count("measuring_failed") == 1


async def test_a_client_is_told_the_load(running: Running) -> None:
    await wait_for(running, r"^rechka_workers 1\.0$")
    outcome = await running.recognize([RUSSIAN])
    assert 0 <= float(outcome.initial_metadata["x-rechka-load"]) < 1


async def test_documentation_and_dashboard_name_exactly_what_there_is(running: Running) -> None:
    await wait_for(running, r"^rechka_workers 1\.0$")
    told = {
        line.split()[2]
        for line in (await metrics_of(running)).splitlines()
        if line.startswith("# TYPE rechka_") and not line.split()[2].endswith("_created")
    }
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    documented = set(NAME.findall("\n".join(re.findall(r"^\| `(rechka\S+)`", page, re.MULTILINE))))
    assert documented == told
    dashboard = json.loads((ROOT / "deploy/grafana/rechka.json").read_text(encoding="utf-8"))
    shown = {
        name.removesuffix("_bucket")
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in NAME.findall(target["expr"])
    }
    assert shown == told
