"""Recognize a file without an event loop, and print its text.

python examples/recognize_file_sync.py examples/audio/speech-16k.wav

RECHKA_ENDPOINT and RECHKA_TOKEN say where to and as whom.
"""

import os
import sys

from rechka.client import Client, FileSource
from rechka.errors import RechkaError
from rechka.spec import RecognitionSpec

if __name__ == "__main__":
    endpoint = os.environ.get("RECHKA_ENDPOINT", "localhost:50051")
    try:
        with Client(endpoint, token=os.environ["RECHKA_TOKEN"]) as client:
            print(client.transcribe(FileSource(sys.argv[1]), RecognitionSpec(language="en-US")))
    except RechkaError as error:
        sys.exit(f"{error.code}: {error}")
