"""The gRPC server: what it serves, where it listens."""

from collections.abc import Callable, Sequence

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from rechka.access.service import Access
from rechka.address import parse_address
from rechka.errors import refused_setting
from rechka.recognition.port import Recognizer
from rechka.session.clock import Clock
from rechka.session.observer import SessionObserver
from rechka.settings import ServerSettings, Settings
from rechka.transport.binding import why_not_bound
from rechka.transport.calls import CallCounter, CallInterceptor, Drain
from rechka.transport.endpoints import EndpointServicer
from rechka.transport.iam import IamTokenServicer
from rechka.transport.stt_v2 import SttServicer
from rechka.transport.tls import require_encryption, server_credentials
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2, stt_service_pb2_grpc
from rechka.wire.generated.yandex.cloud.endpoint import (
    api_endpoint_service_pb2,
    api_endpoint_service_pb2_grpc,
)
from rechka.wire.generated.yandex.cloud.iam.v1 import (
    iam_token_service_pb2,
    iam_token_service_pb2_grpc,
)

__all__ = ["GrpcServer"]

_STT = stt_service_pb2.DESCRIPTOR.services_by_name["SttService"].full_name
_ENDPOINTS = api_endpoint_service_pb2.DESCRIPTOR.services_by_name["ApiEndpointService"].full_name
_IAM = iam_token_service_pb2.DESCRIPTOR.services_by_name["IamTokenService"].full_name
# One message may carry a whole session's audio and a little more, so that the
# session itself refuses it and can say why. gRPC counts the bytes in 31 bits, for which
# the settings bound the audio.
_MESSAGE_MARGIN_BYTES = 2**20
_MOST_METADATA_BYTES = 32 * 1024


class GrpcServer:
    """The gRPC side of a server.

    Args:
        settings: Address, TLS, limits.
        recognizer: Where engine streams come from.
        access: Judges credentials, folders and quotas, and issues tokens.
        clock: Time of the sessions.
        observe: Returns who counts a new session.
        count: Counts calls.
        load: Returns the load that calls are told, None while it is not known.
        check: Raises an error while the server has no time for one more session.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        recognizer: Recognizer,
        access: Access,
        clock: Clock,
        observe: Callable[[], SessionObserver],
        count: CallCounter,
        load: Callable[[], float | None],
        check: Callable[[], None],
    ) -> None:
        self._settings = settings.server
        self.drain = Drain()
        interceptor = CallInterceptor(
            authority=access.authority,
            drain=self.drain,
            open_services=frozenset({_ENDPOINTS, _IAM}),
            foreign_services=frozenset({health.SERVICE_NAME, reflection.SERVICE_NAME}),
            count=count,
            load=load,
        )
        most_bytes = settings.limits.audio_bytes + _MESSAGE_MARGIN_BYTES
        self._server = grpc.aio.server(
            interceptors=[interceptor], options=_options(self._settings, most_bytes)
        )
        stt_service_pb2_grpc.add_SttServiceServicer_to_server(
            SttServicer(
                recognizer=recognizer,
                authority=access.authority,
                meter=access.meter,
                settings=settings,
                clock=clock,
                observe=observe,
                check=check,
                is_over=lambda: self.drain.is_over,
            ),
            self._server,
        )
        self._endpoints = EndpointServicer(settings.server.advertised_address)
        api_endpoint_service_pb2_grpc.add_ApiEndpointServiceServicer_to_server(
            self._endpoints, self._server
        )
        iam_token_service_pb2_grpc.add_IamTokenServiceServicer_to_server(
            IamTokenServicer(access.issuer), self._server
        )
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (_STT, _ENDPOINTS, _IAM, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        self.address = ""

    async def start(self) -> None:
        """Bind and serve; `address` then holds host and port, or the Unix socket as given.

        Raises:
            RequestError: The address cannot be bound, the TLS files do not fit, or
            there are none and others than this machine could listen in.
        """
        text = self._settings.grpc_address
        address = parse_address(text, may_be_unix=True)
        require_encryption(self._settings)
        credentials = server_credentials(self._settings)
        try:
            if credentials is None:
                port = self._server.add_insecure_port(text)
            else:
                port = self._server.add_secure_port(text, credentials)
        except RuntimeError as error:
            reason = why_not_bound(address)
            problem = f"cannot listen on {text!r}" + (f": {reason}" if reason else "")
            raise refused_setting("server.grpc_address", problem) from error
        self.address = text if address.path else f"{address.host}:{port}"
        self._endpoints.address = self._settings.advertised_address or self.address
        await self._server.start()

    async def set_ready(self, *, is_ready: bool) -> None:
        """Tell the health service whether sessions can be opened."""
        status = health_pb2.HealthCheckResponse
        value = status.SERVING if is_ready else status.NOT_SERVING
        for service in ("", _STT):
            await self._health.set(service, value)

    async def stop(self, *, grace_s: float) -> int:
        """Take no more sessions, let the running ones finish, close.

        Returns:
            How many sessions were cut because the grace was over.
        """
        await self.set_ready(is_ready=False)
        cut = await self.drain.finish(grace_s=grace_s)
        await self._server.stop(grace=1.0)
        return cut


def _options(settings: ServerSettings, most_bytes: int) -> Sequence[tuple[str, int]]:
    return (
        # Two servers on one port would share its clients at random.
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", most_bytes),
        # Phrases come as metadata; the library's own limit is 8 KiB.
        ("grpc.max_metadata_size", _MOST_METADATA_BYTES),
        # Clients behind address translation ping often; that is no attack.
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
        # A client that vanished without a word is noticed after both together.
        ("grpc.keepalive_time_ms", round(1000 * settings.keepalive_s)),
        ("grpc.keepalive_timeout_ms", round(1000 * settings.keepalive_timeout_s)),
        # The library waits for this one instead, a minute by itself (grpcio 1.85).
        ("grpc.http2.ping_timeout_ms", round(1000 * settings.keepalive_timeout_s)),
    )
