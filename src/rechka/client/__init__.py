"""Client of a Rechka server, or of any server of the same API.

`AsyncClient` and `Client` take a `FileSource`, a `MicrophoneSource` or bytes, and
give the results of `rechka.results`. Settings are a `rechka.spec.RecognitionSpec`;
every failure is a `rechka.errors.RechkaError`.
"""

from rechka.client.aio import AsyncClient
from rechka.client.channel import TlsConfig
from rechka.client.limits import SessionLimits
from rechka.client.microphone import MicrophoneSource
from rechka.client.pacing import Pace
from rechka.client.retry import RetryPolicy
from rechka.client.sources import FileSource
from rechka.client.sync import Client
from rechka.client.transcript import join_finals

__all__ = [
    "AsyncClient",
    "Client",
    "FileSource",
    "MicrophoneSource",
    "Pace",
    "RetryPolicy",
    "SessionLimits",
    "TlsConfig",
    "join_finals",
]
