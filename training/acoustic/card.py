"""Write a model's card: `python card.py MODEL_FOLDER FACTS LABEL=FIGURES [LABEL=FIGURES …]`.

FACTS is a TOML file with the values of `Card`, FIGURES what `rechka evaluate --json`
printed for a set of clips. The table `card` of `model.toml` is replaced.
"""

import argparse
import json
import tomllib
from pathlib import Path

from tune import without_tables

_TEXTS = ("purpose", "data", "recipe", "limits")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("facts", type=Path)
    parser.add_argument("figures", nargs="*", metavar="LABEL=FIGURES")
    arguments = parser.parse_args()
    facts = tomllib.loads(arguments.facts.read_text(encoding="utf-8"))
    lines = ["\n[card]", f"parameters = {facts['parameters']}"]
    lines += [f"{name} = {json.dumps(facts[name], ensure_ascii=False)}" for name in _TEXTS]
    for entry in arguments.figures:
        label, _, path = entry.partition("=")
        *_, row = json.loads(Path(path).read_text(encoding="utf-8"))
        lines += [
            "\n[[card.figures]]",
            f"set = {json.dumps(label, ensure_ascii=False)}",
            f"wer = {row['wer']}",
            f"cer = {row['cer']}",
        ]
    manifest = arguments.folder / "model.toml"
    kept = without_tables(manifest.read_text(encoding="utf-8"), "card]", "[card.")
    written = kept.rstrip("\n") + "\n" + "\n".join(lines) + "\n"
    tomllib.loads(written)
    manifest.write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
