"""`yandex.cloud.endpoint.ApiEndpointService`: tells SDKs where the services are."""

from typing import Any

from rechka.errors import RequestError
from rechka.wire.generated.yandex.cloud.endpoint import api_endpoint_pb2 as endpoint_pb
from rechka.wire.generated.yandex.cloud.endpoint import api_endpoint_service_pb2 as pb
from rechka.wire.generated.yandex.cloud.endpoint import api_endpoint_service_pb2_grpc as pb_grpc

__all__ = ["EndpointServicer"]

# The services that are found under this server's own address.
_IDS = ("ai-stt", "endpoint", "iam")


class EndpointServicer(pb_grpc.ApiEndpointServiceServicer):  # type: ignore[misc]
    """Names one address for every service.

    Args:
        address: Host and port as clients reach them.
    """

    def __init__(self, address: str) -> None:
        self.address = address

    async def Get(  # noqa: N802
        self, request: pb.GetApiEndpointRequest, context: Any
    ) -> endpoint_pb.ApiEndpoint:
        """Return the address of one service."""
        if request.api_endpoint_id not in _IDS:
            raise RequestError.about(
                "api_endpoint_id", f"accepted: {', '.join(_IDS)}", got=request.api_endpoint_id
            )
        return endpoint_pb.ApiEndpoint(id=request.api_endpoint_id, address=self.address)

    async def List(  # noqa: N802
        self, request: pb.ListApiEndpointsRequest, context: Any
    ) -> pb.ListApiEndpointsResponse:
        """Return the addresses of all services."""
        return pb.ListApiEndpointsResponse(
            endpoints=[endpoint_pb.ApiEndpoint(id=name, address=self.address) for name in _IDS]
        )
