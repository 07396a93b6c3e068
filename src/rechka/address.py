"""Addresses that a server listens on or is found under, as the settings write them."""

import ipaddress
import re
from dataclasses import dataclass

__all__ = ["Address", "parse_address"]

_UNIX = "unix:"
_LAST_PORT = 65_535
_FORM = re.compile(r"(?P<host>[\w.-]+|\[(?P<ipv6>[^\[\]]+)\]):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Address:
    """Where connections are taken.

    Attributes:
        host: Name or IP address, an IPv6 address in brackets; "" of a Unix socket.
        port: Number of the port; 0 of a Unix socket.
        path: Of the Unix socket; "" of a port.
    """

    host: str
    port: int
    path: str = ""

    @property
    def bare_host(self) -> str:
        """The host without brackets, as the system takes it."""
        return self.host.strip("[]")

    @property
    def is_loopback(self) -> bool:
        """Whether none but this machine can connect, as far as the text tells."""
        if self.path:
            return True
        try:
            return ipaddress.ip_address(self.bare_host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"


def parse_address(text: str, *, may_be_unix: bool = False) -> Address:
    """Return what an address says.

    Args:
        text: As in "127.0.0.1:50051", "[::1]:50051" or "unix:/run/rechka.sock".
        may_be_unix: Whether the path of a Unix socket is accepted.

    Raises:
        ValueError: It is of another form; the message says what is accepted.
    """
    if may_be_unix and text.startswith(_UNIX) and text != _UNIX and "\0" not in text:
        return Address("", 0, path=text.removeprefix(_UNIX))
    match = _FORM.fullmatch(text)
    if not match or int(match["port"]) > _LAST_PORT or not _is_ipv6(match["ipv6"] or "::"):
        unix = f", or {_UNIX}PATH" if may_be_unix else ""
        raise ValueError(f"accepted: HOST:PORT or [IPv6]:PORT, port 0 to {_LAST_PORT}{unix}")
    return Address(match["host"], int(match["port"]))


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
