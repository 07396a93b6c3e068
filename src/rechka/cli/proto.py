"""`rechka proto`: the files that clients in any language are generated from."""

import shutil
from pathlib import Path

import click
import google.rpc.status_pb2

import rechka
from rechka.errors import ErrorCode, RequestError

__all__ = ["proto"]

_COMMAND = (
    "python -m grpc_tools.protoc -I . -I third_party/googleapis"
    " --python_out=output --grpc_python_out=output"
    " google/api/http.proto google/api/annotations.proto yandex/cloud/api/operation.proto"
    " google/rpc/status.proto yandex/cloud/operation/operation.proto"
    " yandex/cloud/ai/stt/v2/stt_service.proto"
)
_OWN = "yandex"
_GOOGLE = ("google/api", "google/rpc")


@click.group()
def proto() -> None:
    """Make clients of your own from the API's files."""


@proto.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Write into a directory that is not empty.")
def export(directory: Path, *, force: bool) -> None:
    """Lay out DIRECTORY so that the API's documented protoc command works in it.

    The command needs `pip install grpcio-tools` and nothing else; it writes into
    the folder output, which is made too.
    """
    try:
        if not force and directory.is_dir() and any(directory.iterdir()):
            problem = f"{directory}: not empty; --force writes into it all the same"
            raise RequestError(ErrorCode.INVALID_CONFIG, problem)
        _copy(_own_root(), _OWN, directory)
        google_root = Path(google.rpc.status_pb2.__file__).parents[2]
        for folder in _GOOGLE:
            _copy(google_root, folder, directory / "third_party" / "googleapis")
        (directory / "output").mkdir(exist_ok=True)
    except OSError as error:
        problem = f"{error.filename or directory}: {(error.strerror or str(error)).lower()}"
        raise RequestError(ErrorCode.INVALID_CONFIG, problem) from None
    click.echo(f"Now generate the Python client:\n\ncd {directory}\n{_COMMAND}")


def _own_root() -> Path:
    """Return the folder of our files: in the wheel, or beside the sources."""
    package = Path(rechka.__file__).parent
    installed = package / "wire" / "proto"
    return installed if installed.is_dir() else package.parents[1] / "proto"


def _copy(root: Path, folder: str, target: Path) -> None:
    for source in sorted((root / folder).rglob("*.proto")):
        copy = target / source.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
