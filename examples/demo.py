"""Start a server and stream speech to it in real time, or `--pace=fast`, by `rechka recognize`."""

import asyncio
import sys
import tempfile
from pathlib import Path

from rechka.bootstrap import Server
from rechka.observability.logs import configure_logging
from rechka.settings import load_settings

AUDIO = Path(__file__).parent / "audio"
RUNS = """recognize speech-8k.pcm --encoding LINEAR16_PCM --rate 8000 --lang en-US --partial
recognize speech.ogg --encoding OGG_OPUS --lang en-US --partial
recognize speech-ru.ogg --lang ru-RU --partial
recognize speech-tr.ogg --lang tr-TR --partial"""


async def main() -> int:
    """Return the exit code of the first client that fails, else 0."""
    ports = {"grpc_address": "127.0.0.1:0", "http_address": "127.0.0.1:0"}
    with tempfile.TemporaryDirectory() as data_dir:
        settings = load_settings(overrides={"data_dir": data_dir, "server": ports})
        async with Server(settings) as server:
            await server.wait_ready()
            access = await server.create_development_access()
            options = [f"--endpoint={server.grpc_address}", f"--token={access.iam_token}"]
            for run in RUNS.splitlines():
                print("== rechka", run, flush=True)
                command = ["-m", "rechka", *run.split(), "--pace=realtime", *options, *sys.argv[1:]]
                client = await asyncio.create_subprocess_exec(sys.executable, *command, cwd=AUDIO)
                if code := await client.wait():
                    return code
    return 0


if __name__ == "__main__":
    configure_logging(level="warning")
    sys.exit(asyncio.run(main()))
