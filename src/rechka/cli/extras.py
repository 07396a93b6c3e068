"""Packages that a command needs and that not every installation has."""

import importlib

import click

__all__ = ["missing_package", "require_packages"]


def missing_package(command: str, package: str | None, extra: str) -> click.ClickException:
    """Return the error that a command cannot run without a package.

    Args:
        command: Its name, such as "bench".
        package: What is not installed.
        extra: What to install, such as "server".
    """
    return click.ClickException(
        f"`rechka {command}` needs a package that is not installed ({package}): "
        f"pip install 'rechka[{extra}]'"
    )


def require_packages(command: str, *packages: str, extra: str) -> None:
    """Raise if one of the packages cannot be imported.

    A command calls it before it does anything, so that its `--help` needs none of them
    and its work does not end half-way.

    Raises:
        click.ClickException: One is not installed; says what to install.
    """
    for package in packages:
        try:
            importlib.import_module(package)
        except ModuleNotFoundError as missing:
            raise missing_package(command, missing.name, extra) from None
