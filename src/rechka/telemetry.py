"""What libraries report to their makers: nothing.

onnxruntime's own packages for Linux and macOS do, since 1.29: machine, models and running
times go to a server of Microsoft, under an id of the machine; the id, and what could not be
sent, are kept in the user's cache folder. Its privacy statement and pull requests 27379 and
29843 tell of it. Only a variable that is set before the library is loaded keeps all of it
from happening.
"""

import os

__all__ = ["refuse_telemetry"]

_ONNXRUNTIME = "ORT_DISABLE_TELEMETRY"


def refuse_telemetry() -> None:
    """Keep libraries that this process and its children load from now on from reporting.

    What the environment says already stands: `ORT_DISABLE_TELEMETRY=0` lets them.
    """
    os.environ.setdefault(_ONNXRUNTIME, "1")
