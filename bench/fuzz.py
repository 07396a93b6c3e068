"""Coverage-guided bytes for everything that reads bytes from outside: does any of it fail?

    pip install '.[server,sherpa,vosk]' --group dev --group fuzz
    python bench/fuzz.py [TARGET ...] [--seconds 60] [--corpus FOLDER]
    python bench/fuzz.py TARGET --input FILE

The targets are those of tests/fuzzing/targets.py, all of them without a name, each in a
process of its own for so many seconds. Atheris looks which inputs reach new lines of the
project, and of the libraries that read archives and TOML, and goes on from these. It begins
with the honest inputs of tests/fuzzing/seeds.py; with --corpus what was found is kept there,
a folder a target, and is where the next run begins.

A target may raise an error of the project and nothing else, must answer within ten
seconds and stay below 2 GB. Input that breaks this is written into --corpus, or the present
folder, as TARGET-crash-*, TARGET-timeout-* or TARGET-oom-*; --input gives it to the target
again. Exits with 1 if there was any.
"""

import argparse
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
SLOWEST_S = 10
MOST_MB = 2048
LONGEST_BYTES = 16_384

with atheris.instrument_imports(include=["rechka", "tarfile", "zipfile", "tomllib"]):
    from fuzzing.seeds import SEEDS
    from fuzzing.targets import TARGETS, run


def explore(name: str, *, seconds: int, corpus: Path, failures: Path) -> None:
    """Run a target in this process until the time is over; ends the process."""
    for number, seed in enumerate(SEEDS[name]()):
        (corpus / f"seed-{number}").write_bytes(seed)
    flags = [f"-max_total_time={seconds}", f"-timeout={SLOWEST_S}", f"-rss_limit_mb={MOST_MB}"]
    flags += [f"-max_len={LONGEST_BYTES}", f"-artifact_prefix={failures / name}-"]
    flags += ["-verbosity=0", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *flags, str(corpus)], lambda data: run(TARGETS[name], data))
    atheris.Fuzz()


def explore_all(names: list[str], *, seconds: int, kept: Path | None) -> list[str]:
    """Run targets one after the other, each in a process; return those that failed."""
    failed = []
    with tempfile.TemporaryDirectory() as temporary:
        for name in names:
            corpus = (kept or Path(temporary)) / name
            corpus.mkdir(parents=True, exist_ok=True)
            print(f"== {name}", flush=True)
            command = [sys.executable, __file__, name, "--seconds", str(seconds)]
            command += ["--corpus", str(corpus), "--failures", str(kept or Path.cwd())]
            if subprocess.run(command, check=False).returncode:
                failed.append(name)
    return failed


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--input", type=Path)
    # Of the process of one target.
    parser.add_argument("--failures", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    names = arguments.targets or list(TARGETS)
    if strangers := set(names) - set(TARGETS):
        parser.error(f"got {', '.join(strangers)}; accepted: {', '.join(TARGETS)}")
    # What the tests take for a fault is one here as well.
    warnings.simplefilter("error")
    if arguments.input is not None:
        for name in names:
            run(TARGETS[name], arguments.input.read_bytes())
    elif arguments.failures is not None:
        explore(
            names[0],
            seconds=arguments.seconds,
            corpus=arguments.corpus,
            failures=arguments.failures,
        )
    elif failed := explore_all(names, seconds=arguments.seconds, kept=arguments.corpus):
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
