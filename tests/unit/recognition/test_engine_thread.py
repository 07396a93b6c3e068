import asyncio
import threading

import pytest

from rechka.recognition.engine_thread import EngineThread


async def test_work_is_done_in_order_in_one_thread_that_is_not_the_loops() -> None:
    thread = EngineThread()
    done: list[int] = []
    threads: set[int] = set()

    def work(number: int) -> int:
        threads.add(threading.get_ident())
        done.append(number)
        return number * 2

    results = await asyncio.gather(*(thread.run(lambda n=n: work(n)) for n in range(5)))  # type: ignore[misc]
    thread.close()
    assert done == [0, 1, 2, 3, 4]
    assert results == [0, 2, 4, 6, 8]
    assert len(threads) == 1
    assert threading.get_ident() not in threads


async def test_what_work_raises_is_told_and_the_thread_goes_on() -> None:
    thread = EngineThread()
    told: list[tuple[object, BaseException | None]] = []
    error = ValueError("broken")

    def fail() -> None:
        raise error

    with pytest.raises(ValueError, match="broken"):
        await thread.run(fail)
    thread.do(fail, lambda *outcome: told.append(outcome))
    assert await thread.run(lambda: 1) == 1
    assert told == [(None, error)]
    thread.close()


async def test_a_stop_of_an_iteration_that_work_lets_out_is_an_error_like_others() -> None:
    thread = EngineThread()
    with pytest.raises(RuntimeError, match="StopIteration"):
        await thread.run(lambda: next(iter(())))
    assert await thread.run(lambda: 1) == 1
    thread.close()


async def test_closing_waits_for_work_that_was_given_up_and_takes_no_more() -> None:
    thread = EngineThread()
    gate, done = threading.Event(), threading.Event()

    def work() -> None:
        assert gate.wait(120)
        done.set()

    running = asyncio.create_task(thread.run(work))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    gate.set()
    thread.close()
    assert done.is_set()
    with pytest.raises(RuntimeError):
        await thread.run(work)
