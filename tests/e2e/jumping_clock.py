"""Runs `rechka` with a wall clock that a file puts forward or back.

Usage: jumping_clock.py OFFSET_FILE COMMAND...   (the file holds seconds)
"""

import sys
import time
from pathlib import Path


def main() -> None:
    """Put the clock in the place of the real one before anything else takes that."""
    offset = Path(sys.argv[1])
    real = time.time
    time.time = lambda: real() + float(offset.read_text())
    from rechka.cli import main as rechka

    sys.argv[1:] = sys.argv[2:]
    rechka()


if __name__ == "__main__":
    main()
