"""Fixtures of the store contracts."""

from access_fixtures import clock, open_store, store

__all__ = ["clock", "open_store", "store"]
