"""Write `docs/settings.md` from the settings themselves.

python tools/document_settings.py            # write
python tools/document_settings.py --check    # exit 1 if the page is stale
"""

import argparse
import sys
from enum import Enum
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from rechka.settings import Settings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"

HEAD = """# Settings

Written by `tools/document_settings.py`; do not edit.

A server takes its settings, the later winning over the earlier, from the defaults
below, from a TOML file (`rechka serve --config rechka.toml`), from environment
variables and from flags. `limits.idle_s` is the key `idle_s` in the table
`[limits]` of the file, and `RECHKA_LIMITS__IDLE_S` in the environment. A list or a
table is JSON in a variable: `RECHKA_ACCESS__TOKEN_HOSTS='["a.example"]'`. A value
that is not accepted stops the start with a line that names it. Settings are read once,
at the start; SIGHUP does not read them again.
"""


def rows(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Return the table rows of a tree's settings, depth first."""
    lines = []
    for name, field in model.model_fields.items():
        default = field.default
        if isinstance(default, BaseModel):
            lines.append(f"\n## {name}\n\n{field.description}\n")
            lines.append("| setting | default | meaning |\n|---|---|---|")
            lines += rows(type(default), f"{name}.")
        else:
            lines.append(f"| `{prefix}{name}` | {shown(field)} | {described(field)} |")
    return lines


def shown(field: FieldInfo) -> str:
    """Return a default as a person would write it."""
    value = field.default
    if value in (None, ""):
        return "–"
    return f"`{value.value if isinstance(value, Enum) else value}`"


def described(field: FieldInfo) -> str:
    """Return a setting's meaning in one line."""
    return " ".join((field.description or "").split())


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, compare only")
    table = "\n| setting | default | meaning |\n|---|---|---|"
    page = "\n".join([HEAD + table, *rows(Settings)]) + "\n"
    if parser.parse_args().check:
        if not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page:
            sys.exit("docs/settings.md is stale; run tools/document_settings.py")
        return
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
