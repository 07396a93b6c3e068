"""Rechka: self-hosted streaming speech recognition."""

__version__ = "0.1.0"

__all__ = ["__version__"]
