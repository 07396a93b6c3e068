"""What all tests share."""

from access_fixtures import postgres

__all__ = ["postgres"]

pytest_plugins = ["secret_watch"]
