"""A program written for the vendor's SDK, with a service account's key file.

Run in a process of its own by the tests. Arguments: endpoint, key file, file of root
certificates, audio file (8 kHz PCM). Prints the final texts, one JSON string a line.
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

endpoint, key_file, root_certificates, audio = sys.argv[1:]


def requests() -> Iterator[StreamingRecognitionRequest]:
    specification = RecognitionSpec(
        language_code="en-US",
        audio_encoding=RecognitionSpec.LINEAR16_PCM,
        sample_rate_hertz=8000,
    )
    yield StreamingRecognitionRequest(config=RecognitionConfig(specification=specification))
    data = Path(audio).read_bytes()
    for start in range(0, len(data), 4000):
        yield StreamingRecognitionRequest(audio_content=data[start : start + 4000])


sdk = yandexcloud.SDK(
    service_account_key=json.loads(Path(key_file).read_text()),
    endpoint=endpoint,
    root_certificates=Path(root_certificates).read_bytes(),
)
for response in sdk.client(SttServiceStub).StreamingRecognize(requests()):
    chunk = response.chunks[0]
    if chunk.final:
        print(json.dumps(chunk.alternatives[0].text), flush=True)
