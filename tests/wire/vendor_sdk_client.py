"""A program written for the vendor's SDK; run in a process of its own by the tests.

Arguments: endpoint, IAM token, folder id, audio file (8 kHz PCM), and the file of
root certificates, or "" for plaintext. Prints one JSON object for each response.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import yandexcloud
from yandex.cloud.ai.stt.v2.stt_service_pb2 import (
    RecognitionConfig,
    RecognitionSpec,
    StreamingRecognitionRequest,
)
from yandex.cloud.ai.stt.v2.stt_service_pb2_grpc import SttServiceStub

endpoint, token, folder_id, audio, root_certificates = sys.argv[1:]


def requests() -> Iterator[StreamingRecognitionRequest]:
    specification = RecognitionSpec(
        language_code="en-US",
        audio_encoding=RecognitionSpec.LINEAR16_PCM,
        sample_rate_hertz=8000,
        partial_results=True,
    )
    config = RecognitionConfig(specification=specification, folder_id=folder_id)
    yield StreamingRecognitionRequest(config=config)
    data = Path(audio).read_bytes()
    for start in range(0, len(data), 4000):
        yield StreamingRecognitionRequest(audio_content=data[start : start + 4000])


if root_certificates:
    # The SDK asks the server for the addresses of its services, and sends the token itself.
    sdk = yandexcloud.SDK(
        iam_token=token,
        endpoint=endpoint,
        root_certificates=Path(root_certificates).read_bytes(),
    )
    responses = sdk.client(SttServiceStub).StreamingRecognize(requests())
else:
    sdk = yandexcloud.SDK(iam_token=token, endpoint=endpoint)
    stub = sdk.client(SttServiceStub, endpoint=endpoint, insecure=True)
    metadata = (("authorization", f"Bearer {token}"),)
    responses = stub.StreamingRecognize(requests(), metadata=metadata)

for response in responses:
    chunk = response.chunks[0]
    line = {
        "text": chunk.alternatives[0].text,
        "final": chunk.final,
        "end_of_utterance": chunk.end_of_utterance,
    }
    print(json.dumps(line), flush=True)
