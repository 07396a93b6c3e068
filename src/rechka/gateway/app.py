"""The HTTP application: /healthz, /readyz and /metrics."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

__all__ = ["create_app"]


def create_app(
    *,
    unready_reason: Callable[[], str | None],
    details: Callable[[], Mapping[str, Any]],
    render_metrics: Callable[[str], tuple[bytes, str]],
) -> Starlette:
    """Return the application.

    Args:
        unready_reason: Says why no session can be opened now, None if one can.
        details: Says more to an operator, whether ready or not.
        render_metrics: Returns the metrics and their media type, by an `Accept` header.
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

    async def metrics(request: Request) -> Response:
        """What Prometheus reads."""
        content, media_type = render_metrics(request.headers.get("accept", ""))
        return Response(content, headers={"content-type": media_type})

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
        ]
    )
