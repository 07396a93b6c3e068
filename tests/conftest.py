"""What all tests share."""

from hypothesis import settings

from access_fixtures import postgres

__all__ = ["postgres"]

pytest_plugins = ["secret_watch"]

# How long an example takes is the machine's affair.
settings.register_profile("rechka", deadline=None)
settings.load_profile("rechka")
