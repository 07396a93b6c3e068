"""Print what a microphone hears, until Enter is pressed. Needs rechka[microphone].

RECHKA_ENDPOINT and RECHKA_TOKEN say where to and as whom.
"""

import asyncio
import os
import sys

from rechka.client import AsyncClient, MicrophoneSource
from rechka.errors import RechkaError
from rechka.results import Final
from rechka.spec import RecognitionSpec


async def main() -> None:
    """Print a line for each utterance."""
    microphone = MicrophoneSource(sample_rate_hz=16_000)
    asyncio.get_running_loop().add_reader(sys.stdin, microphone.stop)
    endpoint = os.environ.get("RECHKA_ENDPOINT", "localhost:50051")
    async with AsyncClient(endpoint, token=os.environ["RECHKA_TOKEN"]) as client:
        async for result in client.stream(microphone, RecognitionSpec(language="en-US")):
            if isinstance(result, Final):
                print(result.text)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except RechkaError as error:
        sys.exit(f"{error.code}: {error}")
