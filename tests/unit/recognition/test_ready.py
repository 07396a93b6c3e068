from dataclasses import dataclass

from rechka.recognition.costs import Costs
from rechka.recognition.port import ModelInfo
from rechka.recognition.ready import ReadyQueue


def model(name: str) -> ModelInfo:
    return ModelInfo(
        name=name, engine="e", language="en-US", tags=("general",), sample_rates_hz=(8_000,)
    )


ONE, OTHER = model("one"), model("other")


@dataclass
class Stream:
    name: str
    model: ModelInfo = ONE
    is_ahead: bool = False


def queue_of(*streams: Stream) -> ReadyQueue[Stream]:
    queue: ReadyQueue[Stream] = ReadyQueue()
    for stream in streams:
        queue.put(stream)
    return queue


def names(queue: ReadyQueue[Stream], most: int) -> str:
    return "".join(stream.name for stream in queue.take(lambda _: most))


def test_streams_are_taken_in_the_order_in_which_they_came() -> None:
    queue = queue_of(*(Stream(name) for name in "abcde"))
    assert [names(queue, 2) for _ in range(4)] == ["ab", "cd", "e", ""]
    assert len(queue) == 0


def test_a_batch_is_of_one_model_and_the_others_keep_their_place() -> None:
    queue = queue_of(Stream("a"), Stream("x", OTHER), Stream("b"), Stream("y", OTHER), Stream("c"))
    assert names(queue, 2) == "ab"
    assert names(queue, 9) == "xy"
    assert names(queue, 9) == "c"


def test_the_size_of_a_batch_is_that_of_its_model() -> None:
    queue = queue_of(*(Stream(name, OTHER) for name in "xyz"))
    taken = queue.take(lambda of: 1 if of is OTHER else 9)
    assert [stream.name for stream in taken] == ["x"]


def test_live_streams_go_before_those_that_are_ahead_and_fill_up_with_them() -> None:
    queue = queue_of(Stream("F", is_ahead=True), Stream("a"), Stream("G", is_ahead=True))
    assert names(queue, 2) == "aF"
    assert names(queue, 2) == "G"


def test_a_stream_that_is_ahead_has_its_turn_while_live_ones_never_cease() -> None:
    queue = queue_of(Stream("F", is_ahead=True))
    order = ""
    for _ in range(8):
        queue.put(Stream("a"))
        order += names(queue, 1)
    assert order.count("F") == 1
    assert "F" in order[:4]


def test_a_cost_is_the_real_time_factor_of_what_was_seen() -> None:
    costs = Costs()
    assert costs.of(ONE) == 0
    costs.learn(ONE, audio_s=10, busy_s=1)
    costs.learn(OTHER, audio_s=1, busy_s=2)
    assert abs(costs.of(ONE) - 0.1) < 1e-9
    assert costs.of(OTHER) == 2


def test_a_cost_follows_what_is_seen_lately() -> None:
    costs = Costs()
    costs.learn(ONE, audio_s=100, busy_s=100)
    for _ in range(3_000):
        costs.learn(ONE, audio_s=0.2, busy_s=0.02)
    assert abs(costs.of(ONE) - 0.1) < 0.01
