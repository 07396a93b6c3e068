"""SIGHUP, which asks for new workers or says that the terminal is gone."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from e2e.test_commands import AUDIO, RECHKA, run, serving


def workers_of(process: psutil.Process) -> list[psutil.Process]:
    return [child for child in process.children() if "rechka.worker" in " ".join(child.cmdline())]


async def test_a_hangup_puts_new_workers_in_the_place_of_the_old_ones(tmp_path: Path) -> None:
    options = {"RECHKA_RECOGNITION__WORKERS": "1"}
    with serving(str(tmp_path), "--engine", "scripted", **options) as service:
        server = psutil.Process(service.process.pid)
        (old,) = workers_of(server)
        server.send_signal(signal.SIGHUP)
        psutil.wait_procs([old], timeout=120)
        assert not old.is_running()
        (new,) = workers_of(server)
        assert new.pid != old.pid
        # Workers are of the server's group, and leave the signals of a terminal to it.
        new.send_signal(signal.SIGHUP)
        new.send_signal(signal.SIGINT)
        file = AUDIO / "speech-8k.pcm"
        command = (*RECHKA, "recognize", str(file), "--encoding", "LINEAR16_PCM", "--rate", "8000")
        code, output, errors = await run(
            *command, "--lang", "en-US", environment=service.environment
        )
        assert (code, errors) == (0, "")
        assert output
        server.send_signal(signal.SIGTERM)
        _, log = service.process.communicate()
        assert "worker_ended" not in log
        assert service.process.returncode == 0


def test_a_server_ends_with_its_terminal(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    ports = ("--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0")
    command = (*RECHKA, "serve", "--data-dir", str(tmp_path), "--engine", "scripted", *ports)
    program = (
        "import fcntl, os, sys, termios\n"
        "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        "os.execv(sys.argv[1], sys.argv[1:])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, *command],
        stdin=theirs,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env=os.environ | {"RECHKA_RECOGNITION__WORKERS": "1"},
    ) as server:
        assert server.stderr is not None
        os.close(theirs)
        for line in server.stderr:
            if line.startswith(b"ready:"):
                break
        os.close(ours)
        assert b"stopping" in server.stderr.read()
        assert server.wait() == 0
