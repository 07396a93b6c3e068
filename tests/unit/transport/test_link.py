import asyncio
import struct

from rechka.transport.link import Link


class Transport(asyncio.Transport):
    """Notes whether it may read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = True

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True


class Taker:
    """Takes so many messages, and refuses those behind them."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.taken: list[bytes] = []
        self.writable = self.ended = 0

    def take(self, message: bytes) -> bool:
        if len(self.taken) == self.room:
            return False
        self.taken.append(message)
        return True

    def link_can_write(self) -> None:
        self.writable += 1

    def link_ended(self) -> None:
        self.ended += 1


def framed(*messages: bytes) -> bytes:
    return b"".join(struct.pack("<I", len(message)) + message for message in messages)


def connected() -> tuple[Link, Transport]:
    link, transport = Link(), Transport()
    link.connection_made(transport)
    return link, transport


async def test_a_receiver_gets_what_was_not_read_and_then_what_comes() -> None:
    link, _ = connected()
    link.data_received(framed(b"one", b"two", b"three"))
    assert await link.read() == b"one"
    taker = Taker(10)
    link.attach(taker)
    link.data_received(framed(b"four"))
    assert taker.taken == [b"two", b"three", b"four"]


async def test_a_receiver_gets_whole_messages_however_they_are_cut() -> None:
    messages = [b"", b"a", b"bc" * 300]
    data = framed(*messages * 3)
    for size in (1, 2, 5, 7, 300, len(data)):
        link, _ = connected()
        taker = Taker(10)
        link.attach(taker)
        for at in range(0, len(data), size):
            link.data_received(data[at : at + size])
        assert taker.taken == messages * 3


async def test_a_refused_message_is_offered_again_and_can_still_be_read() -> None:
    link, _ = connected()
    taker = Taker(1)
    link.attach(taker)
    link.data_received(framed(b"one", b"two", b"three", b"four"))
    link.data_received(framed(b"five"))
    assert taker.taken == [b"one"]
    taker.room = 3
    link.deliver()
    assert taker.taken == [b"one", b"two", b"three"]
    link.detach()
    link.data_received(framed(b"six"))
    assert [await link.read() for _ in range(3)] == [b"four", b"five", b"six"]
    assert len(taker.taken) == 3


async def test_a_receiver_that_refuses_makes_the_peer_wait_until_it_takes() -> None:
    link, transport = connected()
    taker = Taker(0)
    link.attach(taker)
    message = bytes(50_000)
    for _ in range(3):
        assert transport.reads
        link.data_received(framed(message))
    assert not transport.reads
    taker.room = 3
    link.deliver()
    assert transport.reads
    assert taker.taken == [message] * 3


async def test_a_receiver_learns_of_room_to_write_and_of_the_end() -> None:
    link, _ = connected()
    taker = Taker(0)
    link.attach(taker)
    link.pause_writing()
    assert (link.can_write, taker.writable) == (False, 0)
    link.resume_writing()
    assert (link.can_write, taker.writable) == (True, 1)
    link.connection_lost(None)
    assert taker.ended == 1
    late = Taker(0)
    link.attach(late)
    assert late.ended == 1
