"""The HTTP application: /healthz and /readyz."""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

__all__ = ["create_app"]


def create_app(*, unready_reason: Callable[[], str | None]) -> Starlette:
    """Return the application.

    Args:
        unready_reason: Says why no session can be opened now, None if one can.
    """

    async def healthz(_: Request) -> JSONResponse:
        """Alive: the process answers."""
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> JSONResponse:
        """Ready: a session that is opened now is served."""
        reason = unready_reason()
        if reason is None:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "unready", "reason": reason}, status_code=503)

    return Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz)])
