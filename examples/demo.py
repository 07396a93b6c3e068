"""Start a server and stream speech to it in real time, as `rechka recognize` does."""

import asyncio
import sys
import tempfile
from pathlib import Path

from rechka.access.bootstrap import create_development_access
from rechka.bootstrap import Server
from rechka.settings import load_settings

AUDIO = Path(__file__).parent / "audio"
FORMATS = {
    "LINEAR16_PCM, 8 kHz": ["speech-8k.pcm", "--encoding", "LINEAR16_PCM", "--rate", "8000"],
    "Ogg Opus": ["speech.ogg"],
}


async def main() -> int:
    """Return the exit code of the first client that fails, else 0."""
    with tempfile.TemporaryDirectory() as data_dir:
        ports = {"grpc_address": "127.0.0.1:0", "http_address": "127.0.0.1:0"}
        async with Server(
            load_settings(overrides={"data_dir": data_dir, "server": ports})
        ) as server:
            await server.wait_ready()
            access = await create_development_access(server.store)
            options = ["--endpoint", server.grpc_address, "--token", access.iam_token]
            for name, (file, *flags) in FORMATS.items():
                print(f"== {name}: rechka recognize {file} --lang en-US --partial", flush=True)
                command = ["recognize", str(AUDIO / file), *flags, "--lang", "en-US", "--partial"]
                client = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "rechka", *command, "--pace", "realtime", *options
                )
                if code := await client.wait():
                    return code
            await server.drain()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
