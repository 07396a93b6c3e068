"""The watch over what is served: workers without processes, time that a test moves."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from fakes.model_folders import onnx_like, write_folder
from rechka.catalog.local import models_folder
from rechka.catalog.selection import change_selection
from rechka.errors import ErrorCode, RequestError
from rechka.recognition.pool import WorkerPool
from rechka.recognition.port import ModelInfo
from rechka.serving.live import LiveModels
from rechka.settings import RecognitionSettings, load_settings
from rechka.testing.clock import VirtualClock
from unit.recognition.gated_engine import OPTIONS
from unit.recognition.idle_workers import ENGLISH, IdleLauncher

BROKEN = RequestError(ErrorCode.INVALID_CONFIG, "the model is broken")


class Machine:
    """A data folder with the models `a`, `b` and `c`, and a watch over it."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.clock = VirtualClock()
        self.launchers: list[IdleLauncher] = []
        self.plans: list[RecognitionSettings] = []
        self.prepared: list[str] = []
        self.broken: set[str] = set()
        self.held: set[str] = set()
        self._looks = 0
        self._has_looked = asyncio.Event()
        self.live: LiveModels
        self.pool: WorkerPool

    def launch(self, recognition: RecognitionSettings) -> IdleLauncher:
        (name,) = served_by(recognition)
        model = replace(ENGLISH, name=name)
        launcher = IdleLauncher(*([BROKEN] if name in self.broken else []), serves=(model,))
        if name in self.held:
            launcher.gate.clear()
        self.launchers.append(launcher)
        self.plans.append(recognition)
        return launcher

    async def prepare(self, models: Sequence[ModelInfo]) -> None:
        self.prepared += [model.name for model in models]

    def select(self, name: str) -> None:
        change_selection(self.data_dir, language="ru-RU", tag="general", name=name)

    async def look(self, times: int = 1) -> None:
        """Let the watch look at the folder so many times; a reload has begun by then."""
        for _ in range(times):
            before = self._looks
            self.clock.advance(1)
            await self.wait_for_looks(before + 1)

    async def wait_for_looks(self, total: int) -> None:
        """Wait until so many looks are over, the one at the start among them."""
        while self._looks < total:
            self._has_looked.clear()
            await self._has_looked.wait()

    async def sleep(self, seconds: float) -> None:
        # When the watch waits for its next look, the last one is over.
        if seconds == 1.0:
            self._looks += 1
            self._has_looked.set()
        await self.clock.sleep(seconds)

    async def reload(self) -> None:
        """Ask for a reload and let it come to its end."""
        before = self._looks
        self.live.reload()
        await self.wait_for_looks(before + 1)
        await self.settle()

    async def settle(self) -> None:
        """Let the reload that runs come to its end."""
        if self.live._reloading is not None:
            await self.live._reloading

    async def take_over(self) -> None:
        await self.look(2)
        await self.settle()

    @property
    def serving(self) -> list[str]:
        return [model.name for model in self.pool.models]


def served_by(recognition: RecognitionSettings) -> list[str]:
    return list(recognition.engine_options["ctc"]["tags"])


@asynccontextmanager
async def running(machine: Machine, **recognition: Any) -> AsyncIterator[Machine]:
    settings = load_settings(
        overrides={"data_dir": machine.data_dir, "recognition": {"workers": 1, **recognition}}
    )
    machine.live = LiveModels(
        settings, prepare=machine.prepare, launcher=machine.launch, sleep=machine.sleep
    )
    machine.pool = await machine.live.prepare_pool()
    await machine.live.start()
    await machine.wait_for_looks(1)
    try:
        yield machine
    finally:
        await machine.live.close()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr("rechka.catalog.candidates.starter_models", lambda: None)
    monkeypatch.setattr("rechka.serving.plan.installed_engines", lambda: ("ctc",))
    for name in "abc":
        write_folder(models_folder(tmp_path), name)
    return Machine(tmp_path)


async def test_a_selection_is_taken_over_once_it_has_settled(machine: Machine) -> None:
    async with running(machine):
        assert machine.serving == ["a"]
        machine.select("b")
        await machine.look()
        assert len(machine.launchers) == 1
        await machine.take_over()
        assert machine.serving == ["b"]
        assert machine.prepared == ["b"]
        assert machine.live.failure is None


async def test_looks_at_what_has_not_changed_start_nothing(machine: Machine) -> None:
    async with running(machine):
        await machine.look(5)
        write_folder(models_folder(machine.data_dir), "d")
        await machine.look(5)
        assert len(machine.launchers) == 1


async def test_a_model_that_is_installed_first_in_order_is_taken_over(machine: Machine) -> None:
    async with running(machine):
        write_folder(models_folder(machine.data_dir), "Above")
        await machine.take_over()
        assert machine.serving == ["Above"]


async def test_another_version_of_a_model_that_is_linked_in_is_taken_over(
    machine: Machine, tmp_path: Path
) -> None:
    versions = [write_folder(tmp_path / version, "Above") for version in ("v1", "v2")]
    link = models_folder(machine.data_dir) / "Above"
    link.symlink_to(versions[0])
    async with running(machine):
        assert machine.serving == ["Above"]
        link.unlink()
        link.symlink_to(versions[1])
        await machine.take_over()
        assert len(machine.launchers) == 2
        os.utime(link / "model.onnx", (0, 0))
        await machine.take_over()
        assert len(machine.launchers) == 3


async def test_a_model_that_fails_to_load_leaves_the_old_one_and_is_told(machine: Machine) -> None:
    machine.broken.add("b")
    async with running(machine):
        machine.select("b")
        await machine.take_over()
        assert machine.serving == ["a"]
        assert machine.live.failure == "the model is broken"
        assert not machine.live.is_reloading
        await machine.look(5)
        assert len(machine.launchers) == 2
        machine.select("c")
        await machine.take_over()
        assert machine.serving == ["c"]
        assert machine.live.failure is None


async def test_going_back_from_a_failure_needs_no_new_workers(machine: Machine) -> None:
    machine.broken.add("b")
    async with running(machine):
        machine.select("b")
        await machine.take_over()
        machine.select("a")
        await machine.take_over()
        assert machine.live.failure is None
        assert len(machine.launchers) == 2


async def test_a_broken_model_whose_files_are_put_right_is_tried_again(machine: Machine) -> None:
    machine.broken.add("b")
    async with running(machine):
        machine.select("b")
        await machine.take_over()
        machine.broken.clear()
        (models_folder(machine.data_dir) / "b" / "model.onnx").write_bytes(onnx_like(b"whole"))
        await machine.take_over()
        assert machine.serving == ["b"]
        assert machine.live.failure is None


async def test_a_model_whose_manifest_breaks_stays_in_service_as_it_was_loaded(
    machine: Machine,
) -> None:
    async with running(machine):
        path = models_folder(machine.data_dir) / "a" / "model.toml"
        whole = path.read_text()
        path.write_text("name = ")
        await machine.take_over()
        assert machine.serving == ["a"]
        assert f"{path}: Invalid value" in (machine.live.failure or "")
        await machine.reload()
        assert machine.serving == ["a"]
        assert len(machine.launchers) == 1
        path.write_text(whole)
        await machine.take_over()
        assert machine.serving == ["a"]
        assert machine.live.failure is None


async def test_a_model_that_is_copied_over_stays_in_service_until_the_copy_is_whole(
    machine: Machine,
) -> None:
    async with running(machine):
        path = models_folder(machine.data_dir) / "a" / "model.onnx"
        path.write_bytes(onnx_like(b"new weights")[:-1])
        await machine.take_over()
        assert machine.serving == ["a"]
        assert f"{path}: is cut" in (machine.live.failure or "")
        assert len(machine.launchers) == 1
        path.write_bytes(onnx_like(b"new weights"))
        await machine.take_over()
        assert machine.live.failure is None
        assert len(machine.launchers) == 2


async def test_a_broken_model_that_does_not_serve_holds_up_neither_a_start_nor_a_change(
    machine: Machine,
) -> None:
    path = models_folder(machine.data_dir) / "a" / "model.toml"
    path.write_text("name = ")
    with capture_logs() as logs:
        async with running(machine):
            assert machine.serving == ["b"]
            machine.select("c")
            await machine.take_over()
            assert machine.serving == ["c"]
            assert machine.live.failure is None
    told = [line for line in logs if line["event"] == "model_passed_over" and line["model"] == "a"]
    assert [line["log_level"] for line in told] == ["error"]
    assert str(path) in told[0]["reason"]


async def test_a_model_that_is_passed_over_is_told_when_it_comes_and_not_again(
    machine: Machine,
) -> None:
    async with running(machine):
        path = models_folder(machine.data_dir) / "half" / "model.toml"
        path.parent.mkdir()
        path.write_text("name = ")
        with capture_logs() as logs:
            await machine.take_over()
            path.touch()
            await machine.take_over()
        assert machine.serving == ["a"]
    assert [line["model"] for line in logs if line["event"] == "model_passed_over"] == ["half"]


async def test_a_selection_that_is_no_good_leaves_what_is_served_and_is_told(
    machine: Machine,
) -> None:
    async with running(machine):
        path = models_folder(machine.data_dir) / "selection.toml"
        path.write_text("[ru-RU")
        await machine.take_over()
        assert machine.serving == ["a"]
        assert "selection.toml" in (machine.live.failure or "")
        path.unlink()
        await machine.take_over()
        assert machine.live.failure is None
        assert len(machine.launchers) == 1


async def test_a_second_change_takes_the_place_of_a_reload_that_runs(machine: Machine) -> None:
    machine.held.add("b")
    async with running(machine):
        machine.select("b")
        await machine.look(2)
        await machine.launchers[1].wait_for_attempts(1)
        assert machine.live.is_reloading
        machine.select("c")
        await machine.take_over()
        assert machine.serving == ["c"]
        assert machine.launchers[1].workers == []


async def test_a_change_back_calls_a_reload_off(machine: Machine) -> None:
    machine.held.add("b")
    async with running(machine):
        machine.select("b")
        await machine.look(2)
        machine.select("a")
        await machine.look(2)
        assert not machine.live.is_reloading
        assert machine.serving == ["a"]
        assert len(machine.launchers) == 2


async def test_a_request_to_reload_starts_new_workers_though_nothing_changed(
    machine: Machine,
) -> None:
    async with running(machine):
        await machine.reload()
        assert machine.serving == ["a"]
        assert len(machine.launchers) == 2
        await machine.launchers[0].workers[0].is_stopped.wait()


async def test_a_request_to_reload_serves_an_engine_that_is_named_too(machine: Machine) -> None:
    options = {"tags": {"a": ["general"]}}
    async with running(machine, engine="ctc", engine_options={"ctc": options}):
        await machine.reload()
        assert len(machine.launchers) == 2


async def test_nothing_is_taken_over_after_the_freeze(machine: Machine) -> None:
    machine.held.add("b")
    async with running(machine):
        machine.select("b")
        await machine.look(2)
        await machine.launchers[1].wait_for_attempts(1)
        await machine.live.freeze()
        assert not machine.live.is_reloading
        assert machine.serving == ["a"]


async def test_a_fault_in_a_look_does_not_end_the_watch(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(machine):

        def fail(*_: object) -> None:
            raise OSError("the disk is gone")

        with monkeypatch.context() as patch:
            patch.setattr("rechka.serving.live.look", fail)
            await machine.look()
        assert machine.live.failure == "unexpected OSError"
        await machine.look(2)
        assert machine.live.failure is None
        assert len(machine.launchers) == 1
        machine.select("b")
        await machine.take_over()
        assert machine.serving == ["b"]
        assert machine.live.failure is None


async def test_a_start_that_cannot_succeed_is_refused(machine: Machine) -> None:
    machine.broken.add("a")
    with pytest.raises(RequestError, match="the model is broken"):
        async with running(machine):
            pass


async def test_sessions_keep_their_worker_through_a_reload(machine: Machine) -> None:
    async with running(machine):
        stream = await machine.pool.open(OPTIONS)
        machine.select("b")
        await machine.take_over()
        old = machine.launchers[0].workers[0]
        assert not old.is_stopped.is_set()
        await stream.close()
        await old.is_stopped.wait()
