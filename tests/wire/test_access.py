"""Access through the front door: tokens, quotas, TLS, revocation, the audit trail."""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import grpc.aio
import jwt
import pytest
from click.testing import CliRunner

from postgres_server import PostgresServer
from rechka.access.administration import Administration
from rechka.access.audit import Actor, AuditEvent
from rechka.access.identities import AccountKind, Role
from rechka.access.quota import Quota
from rechka.cli.access import access as access_command
from rechka.cli.tls import tls as tls_command
from rechka.errors import CapacityError, ErrorCode
from rechka.wire.generated.yandex.cloud.iam.v1 import iam_token_service_pb2 as pb
from rechka.wire.generated.yandex.cloud.iam.v1 import iam_token_service_pb2_grpc as pb_grpc
from session_probe import admitted
from wire_client import AUDIO, Running, Start, audio, config, outcome_of

Status = grpc.StatusCode
# A generous guard; what is waited for comes within seconds.
GUARD_S = 30.0


def operate(running: Running) -> Administration:
    return Administration(running.server.store, Actor("os:test"))


def dev_cert(folder: Path, *arguments: str) -> None:
    result = CliRunner().invoke(tls_command, ["dev-cert", "--output", str(folder), *arguments])
    assert result.exit_code == 0, result.output


async def events_of(running: Running, action: str, *, least: int = 1) -> list[AuditEvent]:
    """Wait for events of an action; a server writes them in the background."""
    async with asyncio.timeout(GUARD_S):
        while True:
            events = await running.server.store.read_events(after_id=0, limit=1000)
            chosen = [event for event in events if event.action == action]
            if len(chosen) >= least:
                return chosen


async def test_the_vendors_sdk_gets_its_token_from_a_key_file_and_recognizes(
    start: Start, tmp_path: Path
) -> None:
    certificates, key_file = tmp_path / "tls", tmp_path / "key.json"
    dev_cert(certificates, "--host", "localhost")
    running = await start(
        server={
            "grpc_address": "localhost:0",
            "tls_cert": certificates / "server.pem",
            "tls_key": certificates / "server.key",
        }
    )
    made = await asyncio.to_thread(
        CliRunner().invoke,
        access_command,
        [
            *("authorized-key", "create", "--account", running.access.account_id),
            *("--output", str(key_file), "--data-dir", str(tmp_path)),
        ],
    )
    assert made.exit_code == 0, made.output
    client = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("vendor_sdk_key_client.py")),
        running.server.grpc_address,
        str(key_file),
        str(certificates / "ca.pem"),
        str(AUDIO / "speech-8k.pcm"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await client.communicate()
    assert client.returncode == 0, errors.decode()
    texts = [json.loads(line) for line in output.splitlines()]
    assert len(texts) == 3
    assert texts[0].startswith("Hello")
    tokens = await events_of(running, "token.create", least=2)
    assert [event.actor.name for event in tokens] == ["server", running.access.account_id]


async def call_iam(running: Running, **identity: str) -> pb.CreateIamTokenResponse:
    stub = pb_grpc.IamTokenServiceStub(running.channel)
    response: pb.CreateIamTokenResponse = await stub.Create(pb.CreateIamTokenRequest(**identity))
    return response


@pytest.mark.parametrize(
    ("identity", "code", "text"),
    [
        ({"jwt": "rubbish"}, Status.UNAUTHENTICATED, "The JWT is invalid"),
        ({"yandex_passport_oauth_token": "y0"}, Status.UNIMPLEMENTED, "OAuth"),
        ({}, Status.INVALID_ARGUMENT, "identity: got nothing"),
    ],
)
async def test_what_is_no_jwt_gets_no_token(
    start: Start, identity: dict[str, str], code: Status, text: str
) -> None:
    running = await start()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call_iam(running, **identity)
    assert caught.value.code() is code
    assert text in str(caught.value.details())


async def test_the_holder_of_a_token_may_revoke_it(start: Start) -> None:
    running = await start()
    stub = pb_grpc.IamTokenServiceStub(running.channel)
    request = pb.RevokeIamTokenRequest(iam_token=running.access.iam_token)
    revoked = await stub.Revoke(request)
    assert revoked.subject_id == running.access.account_id
    assert (await stub.Revoke(pb.RevokeIamTokenRequest(iam_token="t1.x"))).subject_id == ""
    await wait_until_refused(running, Status.UNAUTHENTICATED)


async def wait_until_refused(running: Running, code: Status, **metadata: str) -> None:
    async with asyncio.timeout(GUARD_S):
        outcome = await running.recognize([config()], **metadata)
        while outcome.code is not code:
            outcome = await running.recognize([config()], **metadata)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        return server.create_database()
    return f"sqlite:///{tmp_path}/shared.db"


@pytest.fixture
async def two(start: Start, database_url: str, tmp_path: Path) -> list[Running]:
    """Two servers with a data folder each, and one database."""
    access = {"database_url": database_url, "sessions_per_s": 0}
    return [
        await start(access=access, data_dir=tmp_path / name, limits={"idle_s": 60.0})
        for name in ("a", "b")
    ]


async def test_a_token_of_one_server_is_good_on_the_other(two: list[Running]) -> None:
    here, there = two
    header = f"Bearer {here.access.iam_token}"
    assert (await there.recognize([config()], authorization=header)).code is Status.OK


async def exchange(running: Running, key_id: str, private_key: str) -> str:
    """Return the IAM token that a server gives for an authorized key."""
    now_s = int(time.time())
    claims = {
        "iss": running.access.account_id,
        "aud": "https://iam.localhost/iam/v1/tokens",
        "iat": now_s,
        "exp": now_s + 60,
    }
    assertion = jwt.encode(claims, private_key, algorithm="PS256", headers={"kid": key_id})
    return (await call_iam(running, jwt=assertion)).iam_token


async def test_what_is_revoked_stops_new_sessions_on_the_other_server(two: list[Running]) -> None:
    here, there = two
    account_id = here.access.account_id
    operator = operate(here)
    key, secret = await operator.create_api_key(account_id)
    pair, private_key = await operator.create_authorized_key(account_id)
    by_key = {"authorization": f"Api-Key {secret}"}
    by_pair = {"authorization": f"Bearer {await exchange(here, pair.key_id, private_key)}"}
    by_token = {"authorization": f"Bearer {here.access.iam_token}"}
    for header in (by_key, by_pair, by_token):
        assert (await there.recognize([config()], **header)).code is Status.OK
    await operator.revoke_api_key(key.key_id)
    await wait_until_refused(there, Status.UNAUTHENTICATED, **by_key)
    await operator.revoke_authorized_key(pair.key_id)
    await wait_until_refused(there, Status.UNAUTHENTICATED, **by_pair)
    assert (await there.recognize([config()], **by_token)).code is Status.OK
    await operator.revoke(Role.EDITOR, account_id=account_id, folder_id=here.access.folder_id)
    await wait_until_refused(there, Status.PERMISSION_DENIED, **by_token)
    await operator.set_disabled(account_id, disabled=True)
    await wait_until_refused(there, Status.UNAUTHENTICATED, **by_token)


async def test_a_deleted_folder_takes_no_session_and_its_id_is_not_told_from_an_unknown_one(
    start: Start,
) -> None:
    running = await start()
    operator = operate(running)
    user = await operator.create_account(AccountKind.USER, "Ann")
    issued = await operator.create_token(running.server.signer, user.account_id)
    by_user = {"authorization": f"Bearer {issued.secret}"}
    deleted, unknown = running.access.folder_id, "b1g00000000000000000"
    await operator.delete_folder(deleted)
    await wait_until_refused(running, Status.PERMISSION_DENIED)
    texts = []
    for folder_id in (deleted, unknown):
        outcome = await running.recognize([config(folder_id=folder_id)], **by_user)
        assert outcome.code is Status.PERMISSION_DENIED
        texts.append(str(outcome.error).replace(folder_id, "ID"))
    assert texts[0] == texts[1]


async def test_odd_ids_of_clients_are_refused_and_hold_up_nothing(two: list[Running]) -> None:
    running = two[0]
    operator = operate(running)
    user = await operator.create_account(AccountKind.USER, "Ann")
    issued = await operator.create_token(running.server.signer, user.account_id)
    by_user = {"authorization": f"Bearer {issued.secret}"}
    odd = config(folder_id="a\x00b")
    assert (await running.recognize([odd], **by_user)).code is Status.PERMISSION_DENIED
    assert (await running.recognize([odd])).code is Status.INVALID_ARGUMENT
    _, private_key = await operator.create_authorized_key(running.access.account_id)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await exchange(running, "a\x00b", private_key)
    assert caught.value.code() is Status.UNAUTHENTICATED
    events = await events_of(running, "authorize", least=2)
    assert [event.folder_id for event in events] == ["a\ufffdb"] * 2


async def test_sessions_that_run_outlive_an_outage_of_the_database(
    start: Start, postgres: PostgresServer, pcm: bytes
) -> None:
    url = postgres.create_database()
    running = await start(access={"database_url": url}, limits={"idle_s": 60.0})
    messages = audio(pcm)
    begin, rest = messages[: len(messages) // 2], messages[len(messages) // 2 :]
    call = running.open()
    for message in (config(partial_results=True), *begin):
        await call.write(message)
    # A result shows that the session was admitted.
    assert await call.read() is not grpc.aio.EOF
    while (await running.server.store.list_usage(since_day="")) == []:
        # The session's start is written with the end of another one.
        assert (await running.recognize([config()])).code is Status.OK
    postgres.shut_out(url)
    await wait_until_refused(running, Status.UNAVAILABLE)
    for message in rest:
        await call.write(message)
    await call.done_writing()
    outcome = await outcome_of(call)
    assert outcome.code is Status.OK
    assert len(outcome.finals) == 3
    postgres.let_in(url)
    async with asyncio.timeout(GUARD_S):
        while (await running.recognize([config()])).code is not Status.OK:
            pass
        while True:
            (usage,) = await running.server.store.list_usage(since_day="")
            if usage.audio_ms == pytest.approx(len(pcm) / 16, abs=1):
                break


async def test_a_burst_over_two_servers_is_admitted_up_to_the_quota(two: list[Running]) -> None:
    quota = Quota(concurrent_sessions=10)
    await operate(two[0]).set_quota(two[0].access.folder_id, quota)
    calls = await asyncio.gather(*(admitted(two[number % 2].open) for number in range(40)))
    running = [call for call in calls if call is not None]
    assert len(running) == 10
    # When those ten end, ten more are admitted.
    for call in running:
        await call.done_writing()
        while await call.read() is not grpc.aio.EOF:
            pass
    assert [await call.code() for call in running] == [Status.OK] * 10
    again = await asyncio.gather(*(two[0].recognize([config()]) for _ in range(10)))
    assert {outcome.code for outcome in again} == {Status.OK}


async def test_a_used_up_quota_says_when_to_come_again(start: Start) -> None:
    running = await start(access={"concurrent_sessions": 1}, limits={"idle_s": 60.0})
    call = await admitted(running.open)
    assert call is not None
    outcome = await running.recognize([config()])
    assert outcome.code is Status.RESOURCE_EXHAUSTED
    assert isinstance(outcome.error, CapacityError)
    assert outcome.error.code is ErrorCode.QUOTA_EXCEEDED
    assert outcome.error.retry_after_s == 5.0
    assert "concurrent sessions" in outcome.error.message
    event = (await events_of(running, "session.start"))[0]
    assert event.reason == "concurrent_sessions"
    assert event.actor.name == running.access.account_id
    assert event.actor.address == "127.0.0.1"
    await call.done_writing()


async def test_a_canceled_session_gives_its_place_back(start: Start) -> None:
    running = await start(access={"concurrent_sessions": 1, "sessions_per_s": 0})
    for _ in range(3):
        call = running.open()
        await call.write(config())
        await call.initial_metadata()
        call.cancel()
    async with asyncio.timeout(GUARD_S):
        while (await running.recognize([config()])).code is not Status.OK:
            pass


async def test_usage_counts_sessions_and_audio(start: Start, pcm: bytes) -> None:
    running = await start()
    assert (await running.recognize([config(), *audio(pcm)])).error is None
    (usage,) = await running.server.store.list_usage(since_day="")
    assert (usage.folder_id, usage.sessions) == (running.access.folder_id, 1)
    assert usage.audio_ms == pytest.approx(len(pcm) / 16, abs=1)


async def test_failed_logins_of_one_address_are_limited_and_good_ones_go_on(start: Start) -> None:
    running = await start(access={"login_failures_per_minute": 3})
    bad = {"authorization": "Api-Key AQVNxxxxxxxxxxxxxxxxxxxx98iI"}
    outcomes = [await running.recognize([config()], **bad) for _ in range(4)]
    codes = [outcome.code for outcome in outcomes]
    assert codes == [Status.UNAUTHENTICATED] * 3 + [Status.RESOURCE_EXHAUSTED]
    assert isinstance(outcomes[-1].error, CapacityError)
    assert (outcomes[-1].error.retry_after_s or 0) > 0
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call_iam(running, jwt="rubbish")
    assert caught.value.code() is Status.RESOURCE_EXHAUSTED
    assert (await running.recognize([config()])).code is Status.OK


async def test_a_refused_request_is_in_the_audit_trail_with_its_id(start: Start) -> None:
    running = await start()
    outcome = await running.recognize([config()], authorization="Bearer t1.bad")
    (event,) = await events_of(running, "authenticate")
    assert event.actor == Actor("", "127.0.0.1", outcome.initial_metadata["x-request-id"])
    assert (event.outcome, event.reason) == ("refused", "UNAUTHENTICATED")


@contextlib.asynccontextmanager
async def secure_channel(
    address: str, folder: Path, *, client: Path | None = None
) -> AsyncIterator[grpc.aio.Channel]:
    credentials = grpc.ssl_channel_credentials(
        (folder / "ca.pem").read_bytes(),
        (client / "client.key").read_bytes() if client else None,
        (client / "client.pem").read_bytes() if client else None,
    )
    async with grpc.aio.secure_channel(address, credentials) as channel:
        yield channel


async def can_connect(address: str, folder: Path, *, client: Path | None = None) -> bool:
    async with secure_channel(address, folder, client=client) as channel:
        request = pb.RevokeIamTokenRequest(iam_token="t1.x")
        try:
            await pb_grpc.IamTokenServiceStub(channel).Revoke(request)
        except grpc.aio.AioRpcError as error:
            if error.code() is Status.UNAVAILABLE:
                return False
            raise
        return True


async def test_renewed_certificates_hold_without_a_restart(start: Start, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    dev_cert(old, "--host", "localhost")
    dev_cert(new, "--host", "localhost")
    files = {"tls_cert": old / "server.pem", "tls_key": old / "server.key"}
    running = await start(server={"grpc_address": "localhost:0", **files})
    address = running.server.grpc_address
    assert await can_connect(address, old)
    assert not await can_connect(address, new)
    for name in ("server.pem", "server.key"):
        (new / name).replace(old / name)
    assert await can_connect(address, new)
    assert not await can_connect(address, old)


async def test_a_broken_renewal_leaves_the_old_certificate_in_service(
    start: Start, tmp_path: Path
) -> None:
    folder = tmp_path / "tls"
    dev_cert(folder, "--host", "localhost")
    files = {"tls_cert": folder / "server.pem", "tls_key": folder / "server.key"}
    running = await start(server={"grpc_address": "localhost:0", **files})
    address = running.server.grpc_address
    (folder / "server.pem").write_text("-----BEGIN CERTIFICATE-----\nrubbish\n")
    assert await can_connect(address, folder)
    (folder / "server.key").unlink()
    assert await can_connect(address, folder)


async def test_a_client_certificate_is_asked_for_when_the_settings_say_so(
    start: Start, tmp_path: Path
) -> None:
    ours, others = tmp_path / "ours", tmp_path / "others"
    dev_cert(ours, "--host", "localhost")
    dev_cert(ours, "--host", "robot", "--client")
    dev_cert(others, "--host", "robot", "--client")
    files = {
        "tls_cert": ours / "server.pem",
        "tls_key": ours / "server.key",
        "tls_client_ca": ours / "ca.pem",
    }
    running = await start(server={"grpc_address": "localhost:0", **files})
    address = running.server.grpc_address
    assert await can_connect(address, ours, client=ours)
    assert not await can_connect(address, ours)
    assert not await can_connect(address, ours, client=others)
