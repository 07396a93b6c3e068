"""A limit on failed log-ins, by the address that they come from."""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

from rechka.errors import CapacityError, ErrorCode

__all__ = ["LoginThrottle", "too_many_failures"]

_MINUTE_S = 60.0
# An attacker with more addresses than this has each forgotten in turn; the
# secrets are too long to guess anyhow, so only memory is at stake.
_MOST_ADDRESSES = 20_000
# The smallest network that one customer is given: its addresses are one caller.
_V6_PREFIX = 64


class LoginThrottle:
    """Counts failures: so many at once, and then as many a minute as they wear off.

    Args:
        failures_per_minute: 0 means no limit.
        clock: Seconds that only go forward.
    """

    def __init__(
        self, failures_per_minute: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = failures_per_minute
        self._clock = clock
        self._counts: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def blocked_for_s(self, address: str) -> float:
        """Return for how many seconds nothing more may fail; 0 if something may now."""
        if not self._most or not address:
            return 0.0
        over = self._count(_network(address)) - (self._most - 1)
        return max(0.0, over * _MINUTE_S / self._most)

    def failed(self, address: str) -> None:
        """Count one more failure."""
        if not self._most or not address:
            return
        network = _network(address)
        self._counts[network] = (self._count(network) + 1.0, self._clock())
        self._counts.move_to_end(network)
        if len(self._counts) > _MOST_ADDRESSES:
            self._counts.popitem(last=False)

    def _count(self, network: str) -> float:
        count, at_s = self._counts.get(network, (0.0, 0.0))
        return max(0.0, count - (self._clock() - at_s) * self._most / _MINUTE_S)


def too_many_failures(blocked_s: float) -> CapacityError:
    """Return what a caller is answered who has to wait for so many seconds."""
    return CapacityError(
        ErrorCode.QUOTA_EXCEEDED,
        "Too many failed log-ins from this address; try again later",
        retry_after_s=blocked_s,
    )


def _network(address: str) -> str:
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, _V6_PREFIX), strict=False))
    return str(ip)
