"""The HTTP application: /healthz and /readyz."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

__all__ = ["create_app"]


def create_app(
    *,
    unready_reason: Callable[[], str | None],
    details: Callable[[], Mapping[str, Any]],
) -> Starlette:
    """Return the application.

    Args:
        unready_reason: Says why no session can be opened now, None if one can.
        details: Says more to an operator, whether ready or not.
    """

    async def healthz(_: Request) -> JSONResponse:
        """Alive: the process answers."""
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> JSONResponse:
        """Ready: a session that is opened now is served."""
        reason = unready_reason()
        if reason is None:
            return JSONResponse({"status": "ready", **details()})
        body = {"status": "unready", "reason": reason, **details()}
        return JSONResponse(body, status_code=503)

    return Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz)])
