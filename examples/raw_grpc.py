"""A client of nothing but generated code, for any server of the API.

rechka proto export api    (then run the command that it prints)
PYTHONPATH=api/output python examples/raw_grpc.py examples/audio/speech-8k.pcm

RECHKA_ENDPOINT and RECHKA_TOKEN say where to and as whom.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
from yandex.cloud.ai.stt.v2 import stt_service_pb2, stt_service_pb2_grpc


def requests(path: str) -> Iterator[stt_service_pb2.StreamingRecognitionRequest]:
    """Yield the settings, then the audio."""
    spec = stt_service_pb2.RecognitionSpec(
        language_code="en-US",
        audio_encoding=stt_service_pb2.RecognitionSpec.LINEAR16_PCM,
        sample_rate_hertz=8000,
        partial_results=True,
    )
    config = stt_service_pb2.RecognitionConfig(specification=spec)
    yield stt_service_pb2.StreamingRecognitionRequest(config=config)
    with Path(path).open("rb") as file:
        while data := file.read(1600):
            yield stt_service_pb2.StreamingRecognitionRequest(audio_content=data)


if __name__ == "__main__":
    metadata = (("authorization", f"Bearer {os.environ['RECHKA_TOKEN']}"),)
    with grpc.insecure_channel(os.environ["RECHKA_ENDPOINT"]) as channel:
        stub = stt_service_pb2_grpc.SttServiceStub(channel)
        for response in stub.StreamingRecognize(requests(sys.argv[1]), metadata=metadata):
            chunk = response.chunks[0]
            print("final:" if chunk.final else "...", chunk.alternatives[0].text)
