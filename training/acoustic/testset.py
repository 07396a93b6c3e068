"""Test voices as clips with a manifest for `rechka evaluate`.

    python testset.py CORPORA_FOLDER LANGUAGE OUTPUT_FOLDER CORPUS [CORPUS ...]

Sentences that a voice of the training has said too are left out.
"""

import argparse
from pathlib import Path

import numpy as np
import soundfile
from data import RATE_HZ
from text import clean


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", type=Path)
    parser.add_argument("language")
    parser.add_argument("output", type=Path)
    parser.add_argument("names", nargs="+", metavar="CORPUS")
    parser.add_argument("--speaker", help="take this speaker's clips alone")
    parser.add_argument("--most", type=int, default=100, help="clips of each corpus")
    arguments = parser.parse_args()
    language = arguments.language

    def rows(path: Path) -> list[tuple[int, int, str, str]]:
        found = []
        for line in path.read_text(encoding="utf-8").splitlines():
            offset, length, speaker, sentence = line.split("\t")
            if words := clean(sentence, language):
                found.append((int(offset), int(length), speaker, " ".join(words)))
        return found

    known = {
        sentence
        for path in arguments.corpora.glob(f"{language}-*.tsv")
        for *_, speaker, sentence in rows(path)
        if path.stem not in arguments.names or arguments.speaker not in (None, speaker)
    }
    arguments.output.mkdir(parents=True, exist_ok=True)
    lines = ["file\ttranscript\tsource\n"]
    for name in arguments.names:
        pcm = np.memmap(arguments.corpora / f"{name}.pcm", np.int16, "r")
        of = [
            row
            for row in rows(arguments.corpora / f"{name}.tsv")
            if row[3] not in known and arguments.speaker in (None, row[2])
        ]
        for number, (offset, length, speaker, sentence) in enumerate(of[: arguments.most]):
            file = f"{name}-{number:03}.wav"
            # Like a person who waits a moment before and after.
            quiet = np.zeros(RATE_HZ // 4, dtype=np.int16)
            samples = np.concatenate((quiet, pcm[offset : offset + length], quiet))
            soundfile.write(arguments.output / file, samples, RATE_HZ)
            lines.append(f"{file}\t{sentence}\t{speaker}\n")
    (arguments.output / "manifest.tsv").write_text("".join(lines), encoding="utf-8")
    print(f"{len(lines) - 1} clips")


if __name__ == "__main__":
    main()
