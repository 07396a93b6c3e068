"""Why an address cannot be listened on, which gRPC does not tell."""

import socket
from pathlib import Path

from rechka.address import Address

__all__ = ["why_not_bound"]


def why_not_bound(address: Address) -> str:
    """Return the system's reason, found by another try; "" if now it would do."""
    try:
        if address.path:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.bind(address.path)
            Path(address.path).unlink(missing_ok=True)
            return ""
        places = socket.getaddrinfo(address.bare_host, address.port, type=socket.SOCK_STREAM)
        for family, kind, _, _, place in places:
            with socket.socket(family, kind) as probe:
                # As gRPC does: connections that have just ended are not in the way.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(place)
                probe.listen()
    except (OSError, ValueError) as error:
        return str(error)
    return ""
