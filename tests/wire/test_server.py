"""The server around the sessions: ports, TLS, health, discovery, shutdown."""

import asyncio
import errno
import json
import sys
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest
import trustme
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route
from structlog.testing import capture_logs

from rechka.bootstrap import Server
from rechka.errors import RequestError
from rechka.gateway.server import HttpServer
from rechka.recognition.port import ModelInfo
from rechka.settings import load_settings
from rechka.wire.generated.yandex.cloud.endpoint import api_endpoint_service_pb2 as endpoint_pb
from rechka.wire.generated.yandex.cloud.endpoint import (
    api_endpoint_service_pb2_grpc as endpoint_grpc,
)
from wire_client import AUDIO, Message, Start, audio, config, outcome_of, told

Health = health_pb2.HealthCheckResponse


class ColdRecognizer:
    """Never gets warm."""

    models: tuple[ModelInfo, ...] = ()


async def health_of(channel: grpc.aio.Channel, service: str) -> int:
    stub = health_pb2_grpc.HealthStub(channel)
    response = await stub.Check(health_pb2.HealthCheckRequest(service=service))
    return int(response.status)


@pytest.mark.parametrize("service", ["", "yandex.cloud.ai.stt.v2.SttService"])
async def test_health_is_serving_once_warm_and_needs_no_token(start: Start, service: str) -> None:
    running = await start()
    assert await health_of(running.channel, service) == Health.SERVING


async def test_text_of_every_served_language_is_loaded_before_the_server_is_ready(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[tuple[str, str]] = []

    def record(language: str, *, profanity_mode: str, profanity_rules: object) -> None:
        assert profanity_rules is not None
        loaded.append((language, profanity_mode))

    monkeypatch.setattr("rechka.bootstrap.warm_up", record)
    languages = {"languages": ["tr-TR", "ru-RU", "en-US"]}
    await start(engine_options=languages, results={"profanity_mode": "mask"})
    assert loaded == [("en-US", "mask"), ("ru-RU", "mask"), ("tr-TR", "mask")]


async def test_text_that_could_not_be_loaded_is_loaded_later(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[str] = []

    def fail_once(language: str, *, profanity_mode: str, profanity_rules: object) -> None:
        tries.append(language)
        if len(tries) == 1:
            raise OSError(errno.EMFILE, "no descriptor is left")

    monkeypatch.setattr("rechka.bootstrap.warm_up", fail_once)
    with capture_logs() as log:
        async with asyncio.timeout(60):
            await start()
    assert tries == ["en-US", "en-US"]
    assert [item["event"] for item in log].count("readiness_failed") == 1


async def test_http_tells_alive_and_ready(start: Start) -> None:
    running = await start()
    async with httpx.AsyncClient(base_url=f"http://{running.server.http_address}") as http:
        assert (await http.get("/healthz")).json() == {"status": "ok"}
        ready = (await http.get("/readyz")).json()
        assert ready["status"] == "ready"
        (model,) = ready["models"]
        assert model == {
            "name": "script-en-US",
            "engine": "scripted",
            "language": "en-US",
            "tags": ["general", "general:rc", "general:deprecated"],
            "device": "cpu",
        }


async def test_a_cold_server_is_alive_but_not_ready(tmp_path: Path) -> None:
    ports = {"grpc_address": "127.0.0.1:0", "http_address": "127.0.0.1:0"}
    settings = load_settings(overrides={"data_dir": tmp_path, "server": ports})
    async with (
        Server(settings, recognizer=ColdRecognizer()) as server,  # type: ignore[arg-type]
        httpx.AsyncClient(base_url=f"http://{server.http_address}") as http,
        grpc.aio.insecure_channel(server.grpc_address) as channel,
    ):
        assert (await http.get("/healthz")).status_code == 200
        answer = await http.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["reason"] == "no recognizer is warm yet"
        assert answer.json()["models"] == []
        await channel.channel_ready()
        assert await health_of(channel, "") != Health.SERVING


async def test_reflection_lists_the_services(start: Start) -> None:
    running = await start()
    stub = reflection_pb2_grpc.ServerReflectionStub(running.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    async for response in stub.ServerReflectionInfo(iter([request])):
        names = {item.name for item in response.list_services_response.service}
    assert "yandex.cloud.ai.stt.v2.SttService" in names
    assert "yandex.cloud.endpoint.ApiEndpointService" in names


async def test_an_sdk_is_told_where_the_services_are(start: Start) -> None:
    running = await start(server={"advertised_address": "speech.example:443"})
    stub = endpoint_grpc.ApiEndpointServiceStub(running.channel)
    listed = await stub.List(endpoint_pb.ListApiEndpointsRequest())
    addresses = {item.id: item.address for item in listed.endpoints}
    assert addresses["ai-stt"] == addresses["iam"] == "speech.example:443"
    one = await stub.Get(endpoint_pb.GetApiEndpointRequest(api_endpoint_id="ai-stt"))
    assert one.address == "speech.example:443"
    with pytest.raises(grpc.aio.AioRpcError, match="got 'vpc'"):
        await stub.Get(endpoint_pb.GetApiEndpointRequest(api_endpoint_id="vpc"))
    with pytest.raises(grpc.aio.AioRpcError, match=r"got 'v{40}…'; accepted: ai-stt") as refused:
        await stub.Get(endpoint_pb.GetApiEndpointRequest(api_endpoint_id="v" * 9_000))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("path", ["foo", "/foo", "", "/", "//", "/a/b/c"])
async def test_a_call_of_an_odd_path_is_told_that_there_is_no_such_method(
    start: Start, path: str
) -> None:
    running = await start()
    call: Any = running.channel.stream_stream(path)()
    assert await call.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_port_that_is_taken_is_named(start: Start, tmp_path: Path) -> None:
    running = await start()
    for name, address in (
        ("grpc_address", running.server.grpc_address),
        ("http_address", running.server.http_address),
    ):
        ports = {"grpc_address": "127.0.0.1:0", "http_address": "127.0.0.1:0", name: address}
        settings = load_settings(overrides={"data_dir": tmp_path, "server": ports})
        problem = rf"server\.{name}: cannot listen on '{address}': .*already in use"
        with pytest.raises(RequestError, match=problem):
            async with Server(settings, recognizer=ColdRecognizer()):  # type: ignore[arg-type]
                pass


async def test_a_socket_that_cannot_be_made_is_told_with_the_reason(tmp_path: Path) -> None:
    ports = {"grpc_address": f"unix:{tmp_path}/none/s.sock", "http_address": "127.0.0.1:0"}
    settings = load_settings(overrides={"data_dir": tmp_path, "server": ports})
    with pytest.raises(RequestError, match=r"server\.grpc_address: .*No such file or directory"):
        async with Server(settings, recognizer=ColdRecognizer()):  # type: ignore[arg-type]
            pass


async def test_a_unix_socket_is_told_as_it_was_given(
    start: Start, tmp_path_factory: pytest.TempPathFactory
) -> None:
    address = f"unix:{tmp_path_factory.mktemp('s')}/s.sock"
    running = await start(server={"grpc_address": address})
    assert running.server.grpc_address == address
    stub = endpoint_grpc.ApiEndpointServiceStub(running.channel)
    listed = await stub.List(endpoint_pb.ListApiEndpointsRequest())
    assert {item.address for item in listed.endpoints} == {address}


async def test_draining_lets_running_sessions_finish_and_takes_no_more(
    start: Start, pcm: bytes
) -> None:
    running = await start()
    call = running.open()
    await call.write(config())
    await call.initial_metadata()
    draining = asyncio.create_task(running.server.drain())
    while await health_of(running.channel, "") != Health.NOT_SERVING:
        pass
    late = await running.recognize([config()])
    assert late.code is grpc.StatusCode.UNAVAILABLE
    assert late.error is not None
    assert late.error.retryable
    for message in audio(pcm):
        await call.write(message)
    await call.done_writing()
    outcome = await outcome_of(call)
    assert (outcome.error, len(outcome.finals)) == (None, 3)
    assert await draining == 0


async def test_a_session_that_outlasts_the_grace_is_told_so(start: Start) -> None:
    running = await start(server={"drain_grace_s": 0.01})
    call = running.open()
    await call.write(config())
    await call.initial_metadata()
    with capture_logs() as logs:
        cut = await running.server.drain()
        outcome = await outcome_of(call)
    assert outcome.code is grpc.StatusCode.UNAVAILABLE
    assert cut == 1
    ended = [line["outcome"] for line in logs if line["event"] == "session_ended"]
    assert ended == ["UNAVAILABLE"]
    assert outcome.error is not None
    assert "shutting down" in outcome.error.message


async def test_the_http_side_ends_though_a_client_does_not_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def large(request: Request) -> StreamingResponse:
        return StreamingResponse(bytes(2**20) for _ in range(64))

    server = HttpServer(Starlette(routes=[Route("/", large)]), address="127.0.0.1:0")
    await server.start()
    host, _, port = server.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    # The answer has begun; beyond a little of it the connection takes no more.
    await reader.readexactly(1)
    async with asyncio.timeout(60):
        await server.stop()
    assert not caplog.records
    writer.close()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA, tmp_path: Path) -> dict[str, Path]:
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(tmp_path / "cert.pem", append=True)
    return {"tls_cert": tmp_path / "cert.pem", "tls_key": tmp_path / "key.pem"}


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        ({"tls_key": None}, "give both or neither"),
        ({"tls_key": Path("absent.pem")}, "cannot read absent.pem"),
        ({"tls_key": Path(__file__)}, "holds no PEM private key"),
    ],
)
async def test_tls_files_that_do_not_fit_are_named(
    tls: dict[str, Path], tmp_path: Path, broken: dict[str, Path | None], text: str
) -> None:
    ports = {"grpc_address": "localhost:0", "http_address": "127.0.0.1:0", **tls, **broken}
    settings = load_settings(overrides={"data_dir": tmp_path, "server": ports})
    with pytest.raises(RequestError, match=text):
        async with Server(settings, recognizer=ColdRecognizer()):  # type: ignore[arg-type]
            pass


async def run_vendor_sdk(*arguments: str) -> list[dict[str, object]]:
    """Run the vendor's SDK in its own process; return what it got."""
    client = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("vendor_sdk_client.py")),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await client.communicate()
    assert client.returncode == 0, errors.decode()
    return [json.loads(line) for line in output.splitlines()]


def assert_vendor_sdk_results(lines: list[dict[str, object]]) -> None:
    finals = [line for line in lines if line["final"]]
    assert len(finals) == 3
    assert all(line["end_of_utterance"] for line in finals)
    assert str(finals[0]["text"]).startswith("Hello")
    assert len(lines) > len(finals)


async def test_the_vendors_sdk_recognizes_without_tls(start: Start) -> None:
    running = await start(results={"partial_interval_ms": 0})
    access = running.access
    assert_vendor_sdk_results(
        await run_vendor_sdk(
            running.server.grpc_address,
            access.iam_token,
            access.folder_id,
            str(AUDIO / "speech-8k.pcm"),
            "",
        )
    )


async def test_the_vendors_sdk_recognizes_with_root_certificates(
    start: Start, authority: trustme.CA, tls: dict[str, Path], tmp_path: Path
) -> None:
    running = await start(
        server={"grpc_address": "localhost:0", **tls}, results={"partial_interval_ms": 0}
    )
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    access = running.access
    assert_vendor_sdk_results(
        await run_vendor_sdk(
            running.server.grpc_address,
            access.iam_token,
            access.folder_id,
            str(AUDIO / "speech-8k.pcm"),
            str(tmp_path / "ca.pem"),
        )
    )


async def test_the_vendors_sdk_and_the_client_live_in_one_process() -> None:
    program = (
        "import rechka.wire.generated.yandex.cloud.ai.stt.v2.stt_service_pb2 as ours\n"
        "import rechka.wire.generated.yandex.cloud.endpoint.api_endpoint_service_pb2\n"
        "import yandex.cloud.ai.stt.v2.stt_service_pb2 as theirs\n"
        "import yandex.cloud.endpoint.api_endpoint_service_pb2\n"
        "assert ours.DESCRIPTOR.serialized_pb == theirs.DESCRIPTOR.serialized_pb\n"
    )
    for lines in (program.splitlines(), program.splitlines()[::-1]):
        imports = [line for line in lines if line.startswith("import")]
        text = "\n".join([*imports, program.splitlines()[-1]])
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", text)
        assert await process.wait() == 0


async def test_a_call_to_an_unknown_method_is_unimplemented(start: Start) -> None:
    running = await start()
    call: Any = running.channel.stream_stream("/speechkit.stt.v9.Recognizer/RecognizeStreaming")
    outcome = await told(lambda: outcome_of(call(iter([b""]))))
    assert outcome.code is grpc.StatusCode.UNIMPLEMENTED


async def test_messages_that_are_no_protobuf_end_the_call_alone(start: Start, pcm: bytes) -> None:
    running = await start()
    call: Any = running.channel.stream_stream(
        "/yandex.cloud.ai.stt.v2.SttService/StreamingRecognize"
    )
    raw = call(iter([b"\xff\xff\xff\xff"]), metadata=running.metadata())
    with pytest.raises(grpc.aio.AioRpcError):
        async for _ in raw:
            pass
    outcome = await running.recognize([config(), *audio(pcm), Message(audio_content=b"")])
    assert len(outcome.finals) == 3
