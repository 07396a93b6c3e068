"""A thread a stream: one process, one copy of the engine, each stream in a thread of its own.

Run as a program by `contenders.start`.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc

from contenders.conversation import Listener
from contenders.program import announce, read_arguments
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2 as pb
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2_grpc as pb_grpc


class _Servicer(pb_grpc.SttServiceServicer):  # type: ignore[misc]
    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def StreamingRecognize(  # noqa: N802
        self, request_iterator: Iterator[pb.StreamingRecognitionRequest], context: object
    ) -> Iterator[pb.StreamingRecognitionResponse]:
        return self._listener.converse(request_iterator)


def main() -> None:
    """Serve until the process is terminated."""
    arguments = read_arguments(__doc__)
    # Nothing is decoded together here, so nothing need be warm but one stream alone.
    engine = arguments.choice.load(streams=arguments.streams, batch=1)
    server = grpc.server(ThreadPoolExecutor(arguments.streams))
    listener = Listener(engine, arguments.choice)
    pb_grpc.add_SttServiceServicer_to_server(_Servicer(listener), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    announce(port, "a thread a stream")
    server.wait_for_termination()


if __name__ == "__main__":
    main()
