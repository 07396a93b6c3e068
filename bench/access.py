"""What access costs at the start of a session, on SQLite and on PostgreSQL.

    python bench/access.py [--sessions 2000] [--database-url URL ...]

Cold is a caller that the server has not seen since the last change; warm is one
that it has. The quota is a transaction of its own and never cached: its cost is
the price of being right across servers.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from rechka.access.administration import Administration
from rechka.access.audit import Actor, AuditLog
from rechka.access.authority import Authority
from rechka.access.bootstrap import create_development_access
from rechka.access.metering import SessionMeter
from rechka.access.quota import Quota
from rechka.access.throttle import LoginThrottle
from rechka.access.trust import TrustCache
from rechka.storage.access_sql import SqlAccessStore, open_access_store
from rechka.storage.signing_key import load_signer

ACTOR = Actor("os:bench")
UNLIMITED = Quota(sessions_per_s=0, concurrent_sessions=0, audio_s_per_day=0)
Step = Callable[[], Awaitable[object]]


def authority_of(store: SqlAccessStore) -> Authority:
    """Return an authority that remembers nothing yet."""
    audit = AuditLog(store, clock=time.time)
    return Authority(store, cache=TrustCache(store), audit=audit, throttle=LoginThrottle(0))


async def measure(name: str, count: int, prepare: Callable[[], Awaitable[Step]]) -> None:
    """Time a step, each time prepared anew; print median, 95th and 99th percentile."""
    times_ms = []
    for _ in range(count):
        step = await prepare()
        begun = time.perf_counter()
        await step()
        times_ms.append((time.perf_counter() - begun) * 1000)
    cuts = statistics.quantiles(times_ms, n=100)
    print(f"  {name:<34} {cuts[49]:7.3f} {cuts[94]:7.3f} {cuts[98]:7.3f}")


async def bench(url: str, data_dir: Path, sessions: int) -> None:
    """Measure one database."""
    store = await open_access_store(url, data_dir=data_dir)
    signer = load_signer(data_dir)
    made = await create_development_access(store, signer, actor=ACTOR)
    await Administration(store, ACTOR).set_quota(made.folder_id, UNLIMITED)
    headers = {"IAM token": f"Bearer {made.iam_token}", "API key": f"Api-Key {made.api_key}"}
    print(f"  {'ms':<34} {'median':>7} {'p95':>7} {'p99':>7}")
    for kind, header in headers.items():

        def start(authority: Authority, header: str = header) -> Step:
            async def run() -> None:
                await authority.authorize(await authority.authenticate(header), "")

            return run

        async def cold(start: Callable[[Authority], Step] = start) -> Step:
            return start(authority_of(store))

        authority = authority_of(store)

        async def warm(
            start: Callable[[Authority], Step] = start, authority: Authority = authority
        ) -> Step:
            await start(authority)()
            return start(authority)

        await measure(f"{kind}, cold", sessions // 10, cold)
        await measure(f"{kind}, warm", sessions, warm)
    meter = SessionMeter(
        store,
        audit=AuditLog(store, clock=time.time),
        default=UNLIMITED,
        lease_s=40.0,
        clock=time.time,
    )

    async def quota() -> Step:
        async def run() -> None:
            await (await meter.admit(made.folder_id, caller=ACTOR, audio_ms=lambda: 0)).close()

        return run

    async def admission() -> Step:
        await meter.close()

        async def run() -> None:
            await meter.admit(made.folder_id, caller=ACTOR, audio_ms=lambda: 0)

        return run

    await measure("quota, admission", sessions // 10, admission)
    await measure("quota, admission and release", sessions // 10, quota)
    await meter.close()
    await store.close()


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--database-url", action="append", default=[])
    arguments = parser.parse_args()
    for url in ["", *arguments.database_url]:
        print("PostgreSQL" if url else "SQLite")
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(bench(url, Path(folder), arguments.sessions))


if __name__ == "__main__":
    main()
