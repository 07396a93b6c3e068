"""`yandex.cloud.iam.v1.IamTokenService`: IAM tokens for service accounts' JWTs."""

from typing import Any, NoReturn

from google.protobuf.timestamp_pb2 import Timestamp

from rechka.access.issuing import TokenIssuer
from rechka.errors import ErrorCode, RequestError
from rechka.transport.calls import current_call
from rechka.wire.generated.yandex.cloud.iam.v1 import iam_token_service_pb2 as pb
from rechka.wire.generated.yandex.cloud.iam.v1 import iam_token_service_pb2_grpc as pb_grpc

__all__ = ["IamTokenServicer"]


class IamTokenServicer(pb_grpc.IamTokenServiceServicer):  # type: ignore[misc]
    """Issues and revokes tokens.

    Args:
        issuer: Judges the JWTs.
    """

    def __init__(self, issuer: TokenIssuer) -> None:
        self._issuer = issuer

    async def Create(  # noqa: N802
        self, request: pb.CreateIamTokenRequest, context: Any
    ) -> pb.CreateIamTokenResponse:
        """Issue a token for a JWT."""
        match request.WhichOneof("identity"):
            case "jwt":
                issued = await self._issuer.exchange(request.jwt, caller=current_call().actor)
            case "yandex_passport_oauth_token":
                raise RequestError(
                    ErrorCode.UNIMPLEMENTED,
                    "OAuth tokens are not served here; send a JWT signed with an authorized key",
                )
            case _:
                raise RequestError.about("identity", "got nothing; accepted: jwt")
        return pb.CreateIamTokenResponse(
            iam_token=issued.secret, expires_at=Timestamp(seconds=issued.claims.expires_at_s)
        )

    async def CreateForServiceAccount(  # noqa: N802
        self, request: pb.CreateIamTokenForServiceAccountRequest, context: Any
    ) -> NoReturn:
        """Refuse: a service account asks for its own tokens."""
        raise RequestError(
            ErrorCode.UNIMPLEMENTED,
            "CreateForServiceAccount is not served here; send the account's own JWT to Create",
        )

    async def Revoke(  # noqa: N802
        self, request: pb.RevokeIamTokenRequest, context: Any
    ) -> pb.RevokeIamTokenResponse:
        """Refuse a token from now on."""
        if not request.iam_token:
            raise RequestError.about("iam_token", "got nothing; accepted: an IAM token")
        account_id = await self._issuer.revoke(request.iam_token, caller=current_call().actor)
        return pb.RevokeIamTokenResponse(subject_id=account_id)
