"""Generate the Python code of `proto/` into `src/rechka/wire/generated`.

    python tools/generate_protos.py            # write
    python tools/generate_protos.py --check    # exit 1 if what is committed is stale

The files keep their upstream paths inside the descriptors, so that they can
live in one process with the vendor's SDK; only the Python packages move under
`rechka.wire.generated`, and the imports with them.
"""

import argparse
import filecmp
import re
import shutil
import sys
import tempfile
from pathlib import Path

import google.rpc.status_pb2
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
GENERATED = ROOT / "src" / "rechka" / "wire" / "generated"
GOOGLE = Path(google.rpc.status_pb2.__file__).parents[2]
WELL_KNOWN = Path(protoc.__file__).parent / "_proto"

_OWN_IMPORT = re.compile(r"^(from|import) ((?:yandex|rechka)\.)", re.MULTILINE)


def generate(target: Path) -> None:
    """Write the code of every file below `proto/` into `target`."""
    target.mkdir(parents=True, exist_ok=True)
    sources = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    command = ["protoc", f"-I{PROTO}", f"-I{GOOGLE}", f"-I{WELL_KNOWN}"]
    command += [f"--{kind}_out={target}" for kind in ("python", "pyi", "grpc_python")]
    if protoc.main([*command, *sources]) != 0:
        sys.exit("protoc failed")
    for path in [*target.rglob("*.py"), *target.rglob("*.pyi")]:
        text = path.read_text(encoding="utf-8")
        moved = _OWN_IMPORT.sub(r"\1 rechka.wire.generated.\2", text)
        path.write_text(moved, encoding="utf-8")
    for folder in [target, *(path for path in target.rglob("*") if path.is_dir())]:
        (folder / "__init__.py").write_text("", encoding="utf-8")


def differences(left: Path, right: Path) -> list[str]:
    """Return the files that are not the same in both folders."""

    def listing(root: Path) -> set[str]:
        files = (path for path in root.rglob("*.py*") if path.suffix in {".py", ".pyi"})
        return {str(path.relative_to(root)) for path in files}

    names = sorted(listing(left) | listing(right))
    return [
        name
        for name in names
        if not (left / name).is_file()
        or not (right / name).is_file()
        or not filecmp.cmp(left / name, right / name, shallow=False)
    ]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, compare only")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "generated"
        generate(fresh)
        if check:
            stale = differences(fresh, GENERATED)
            if stale:
                sys.exit("stale, run tools/generate_protos.py: " + ", ".join(stale))
            return
        shutil.rmtree(GENERATED, ignore_errors=True)
        shutil.copytree(fresh, GENERATED)
    print(f"wrote {GENERATED.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
