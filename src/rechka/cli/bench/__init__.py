"""`rechka bench`: many people at once, and how long they wait."""

from rechka.cli.bench.command import bench

__all__ = ["bench"]
