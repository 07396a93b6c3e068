"""Recognize a file with the asynchronous client, and print what is heard as it comes.

python examples/recognize_file.py examples/audio/speech.ogg

RECHKA_ENDPOINT and RECHKA_TOKEN say where to and as whom.
"""

import asyncio
import os
import sys

from rechka.client import AsyncClient, FileSource, Pace
from rechka.errors import RechkaError
from rechka.results import Final
from rechka.spec import RecognitionSpec


async def main(path: str) -> None:
    """Print a line for each result."""
    spec = RecognitionSpec(language="en-US", partial_results=True)
    endpoint = os.environ.get("RECHKA_ENDPOINT", "localhost:50051")
    async with AsyncClient(endpoint, token=os.environ["RECHKA_TOKEN"]) as client:
        async for result in client.stream(FileSource(path, pace=Pace.REALTIME), spec):
            if isinstance(result, Final):
                print(f"{result.start_ms} to {result.end_ms} ms:", result.text)
            else:
                print("...", result.text)


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1]))
    except RechkaError as error:
        sys.exit(f"{error.code}: {error}")
