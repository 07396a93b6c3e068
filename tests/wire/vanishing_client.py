"""Opens a session, says when it is answered, and waits to be killed.

Usage: vanishing_client.py ENDPOINT TOKEN PCM_FILE
"""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc

from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2 as pb
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2_grpc as pb_grpc


def requests(path: str) -> Iterator[pb.StreamingRecognitionRequest]:
    """Yield some speech, and never end."""
    spec = pb.RecognitionSpec(
        language_code="en-US",
        audio_encoding=pb.RecognitionSpec.LINEAR16_PCM,
        sample_rate_hertz=8000,
        partial_results=True,
    )
    yield pb.StreamingRecognitionRequest(config=pb.RecognitionConfig(specification=spec))
    yield pb.StreamingRecognitionRequest(audio_content=Path(path).read_bytes()[:32_000])
    threading.Event().wait()


if __name__ == "__main__":
    stub = pb_grpc.SttServiceStub(grpc.insecure_channel(sys.argv[1]))
    metadata = (("authorization", f"Bearer {sys.argv[2]}"),)
    for _ in stub.StreamingRecognize(requests(sys.argv[3]), metadata=metadata):
        print("answered", flush=True)
