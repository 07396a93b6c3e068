"""A process a stream: a front, and processes with a copy of the engine each.

The processes are made and warm before the first stream, and go from stream to stream.
The front does not look into the messages: it hands them on as they came.

Run as a program by `contenders.start`.
"""

import asyncio
import os
import socket
import struct
import traceback
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc.aio

from contenders.choice import Choice
from contenders.conversation import Listener
from contenders.program import announce, read_arguments
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2 as pb

# A frame is the length of a message in bytes and the message. One of no bytes, which no
# message of a stream has, says that the sender is through with the stream.
_LENGTH = struct.Struct("!I")
_SERVICE = "yandex.cloud.ai.stt.v2.SttService"


def _frame(message: bytes) -> bytes:
    return _LENGTH.pack(len(message)) + message


def _serve_streams(connection: socket.socket, choice: Choice) -> None:
    """Answer one stream after another, in a process of its own, until the front is gone."""
    listener = Listener(choice.load(streams=1, batch=1), choice)
    incoming = connection.makefile("rb")
    connection.sendall(_frame(b""))

    def receive() -> Iterator[pb.StreamingRecognitionRequest]:
        while (size := _LENGTH.unpack(incoming.read(_LENGTH.size))[0]) > 0:
            yield pb.StreamingRecognitionRequest.FromString(incoming.read(size))

    while incoming.peek(1):
        for response in listener.converse(receive()):
            connection.sendall(_frame(response.SerializeToString()))
        connection.sendall(_frame(b""))


def _fork(choice: Choice, fronts: list[socket.socket]) -> socket.socket:
    """Make a process; return the front's end of the connection to it."""
    front, own = socket.socketpair()
    if os.fork():
        own.close()
        return front
    try:
        # Else the others would not notice the end of the front.
        for other in (*fronts, front):
            other.close()
        _serve_streams(own, choice)
    except (struct.error, BrokenPipeError):
        # The front went away in the middle of a stream.
        pass
    except BaseException:
        traceback.print_exc()
    finally:
        # Nothing of the front may run here, its cleaning up neither.
        os._exit(0)


class _Process:
    """The front's side of one process."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, message: bytes) -> None:
        self._writer.write(_frame(message))
        await self._writer.drain()

    async def receive(self) -> bytes:
        """Return the next message; nothing when it is through with the stream."""
        (size,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
        return await self._reader.readexactly(size)


class _Front:
    """Gives each stream a process.

    Args:
        idle: Processes that are warm.
    """

    def __init__(self, idle: list[_Process]) -> None:
        self._idle = idle
        self._reclaiming: set[asyncio.Task[None]] = set()

    async def relay(self, requests: AsyncIterator[bytes], context: Any) -> None:
        """Serve one stream."""
        if not self._idle:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Every process has a stream")
        process = self._idle.pop()
        sending = asyncio.create_task(self._pass_on(requests, process))
        is_answered = False
        try:
            while answer := await process.receive():
                await context.write(answer)
            is_answered = True
        finally:
            task = asyncio.create_task(self._reclaim(process, sending, is_answered=is_answered))
            self._reclaiming.add(task)
            task.add_done_callback(self._reclaiming.discard)

    @staticmethod
    async def _pass_on(requests: AsyncIterator[bytes], process: _Process) -> None:
        try:
            async for request in requests:
                await process.send(request)
        finally:
            await process.send(b"")

    async def _reclaim(
        self, process: _Process, sending: "asyncio.Task[None]", *, is_answered: bool
    ) -> None:
        """Take a process back when it is through with its stream, however that ended."""
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        while not is_answered:
            is_answered = not await process.receive()
        self._idle.append(process)


async def _serve(connections: list[socket.socket]) -> None:
    idle = [_Process(*await asyncio.open_unix_connection(sock=item)) for item in connections]
    await asyncio.gather(*(process.receive() for process in idle))
    server = grpc.aio.server()
    # Messages stay bytes, since no serializer is named.
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(
        _Front(idle).relay
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(_SERVICE, {"StreamingRecognize": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    announce(port, "a process a stream")
    await server.wait_for_termination()


def main() -> None:
    """Serve until the process is terminated."""
    arguments = read_arguments(__doc__)
    # Before this process has a thread or a call of gRPC, and without a model: what the
    # processes share is code.
    fronts: list[socket.socket] = []
    for _ in range(arguments.streams):
        fronts.append(_fork(arguments.choice, fronts))
    asyncio.run(_serve(fronts))


if __name__ == "__main__":
    main()
