"""What the client says when it does not get through, and how it gets through TLS."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from socket import socket

import grpc
import pytest
import trustme

from fakes.marked_speech import RATE_HZ, random_speech
from fakes.speech_server import Listening, SpeechServer, listen
from rechka.client import AsyncClient, RetryPolicy, TlsConfig
from rechka.errors import ErrorCode, RequestError, UnavailableError
from rechka.spec import AudioEncoding, RecognitionSpec

PCM = RecognitionSpec(encoding=AudioEncoding.LINEAR16_PCM, sample_rate_hz=RATE_HZ)
SPEECH = random_speech(1, utterances=2)
AT_ONCE = RetryPolicy(initial_s=0, max_s=0)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def closed_endpoint() -> Iterator[str]:
    """An address where nobody listens and nobody else can."""
    with closing(socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


def listen_with_tls(authority: trustme.CA, *, asks_client: bool = False) -> Listening:
    certificate = authority.issue_cert("localhost")
    chain = b"".join(pem.bytes() for pem in certificate.cert_chain_pems)
    credentials = grpc.ssl_server_credentials(
        [(certificate.private_key_pem.bytes(), chain)],
        root_certificates=authority.cert_pem.bytes() if asks_client else None,
        require_client_auth=asks_client,
    )
    return listen(SpeechServer(SPEECH), credentials)


async def assert_recognized(listening: Listening, tls: TlsConfig) -> None:
    async with listening, AsyncClient(listening.endpoint, tls=tls) as client:
        assert (await client.transcribe(SPEECH.pcm, PCM)).split() == SPEECH.texts


async def failure_of(listening: Listening, *, tls: bool | TlsConfig) -> str:
    async with listening as running:
        async with AsyncClient(running.endpoint, tls=tls, retries=AT_ONCE) as client:
            with pytest.raises(UnavailableError) as caught:
                await client.transcribe(SPEECH.pcm, PCM)
        assert caught.value.code is ErrorCode.UNAVAILABLE
        assert caught.value.message.startswith(f"cannot reach {running.endpoint}: ")
        return caught.value.message


async def test_a_refused_connection_names_the_endpoint_and_what_to_check(
    closed_endpoint: str,
) -> None:
    async with AsyncClient(closed_endpoint, retries=AT_ONCE) as client:
        with pytest.raises(UnavailableError) as caught:
            await client.transcribe(SPEECH.pcm, PCM)
    assert caught.value.message == (
        f"cannot reach {closed_endpoint}: connection refused; check that the server runs there"
    )


async def test_a_host_that_does_not_exist_is_named() -> None:
    async with AsyncClient("no-such-host.invalid:50051", retries=AT_ONCE) as client:
        with pytest.raises(UnavailableError, match=r"no-such-host\.invalid:50051: .*name"):
            await client.transcribe(SPEECH.pcm, PCM)


async def test_a_server_that_comes_up_late_is_reached(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/server"
    policy = RetryPolicy(initial_s=0.05, max_s=0.05, first_attempts=400)
    async with AsyncClient(address, retries=policy) as client:
        waiting = asyncio.create_task(client.transcribe(SPEECH.pcm, PCM))
        await asyncio.wait((waiting,), timeout=0.1)
        assert not waiting.done()
        async with listen(SpeechServer(SPEECH), address=address):
            assert (await waiting).split() == SPEECH.texts


async def test_tls_with_the_right_authority(authority: trustme.CA) -> None:
    tls = TlsConfig(root_certificates=authority.cert_pem.bytes())
    await assert_recognized(listen_with_tls(authority), tls)


async def test_tls_with_a_certificate_of_the_client(authority: trustme.CA) -> None:
    own = authority.issue_cert("client")
    tls = TlsConfig(
        root_certificates=authority.cert_pem.bytes(),
        certificate=own.cert_chain_pems[0].bytes(),
        private_key=own.private_key_pem.bytes(),
    )
    await assert_recognized(listen_with_tls(authority, asks_client=True), tls)


async def test_plaintext_to_a_tls_server_is_told(authority: trustme.CA) -> None:
    message = await failure_of(listen_with_tls(authority), tls=False)
    assert message.endswith("if it is a TLS server, connect with TLS")


async def test_tls_to_a_plaintext_server_is_told() -> None:
    message = await failure_of(listen(SpeechServer(SPEECH)), tls=True)
    assert message.endswith("the server does not speak TLS; connect without TLS")


async def test_an_unknown_authority_is_told(authority: trustme.CA) -> None:
    message = await failure_of(listen_with_tls(authority), tls=True)
    assert "certificate is not trusted; give the certificate of the authority" in message


async def test_a_certificate_for_another_host_is_told(authority: trustme.CA) -> None:
    tls = TlsConfig(root_certificates=authority.cert_pem.bytes())
    async with listen_with_tls(authority) as running:
        endpoint = running.endpoint.replace("localhost", "127.0.0.1")
        async with AsyncClient(endpoint, tls=tls, retries=AT_ONCE) as client:
            with pytest.raises(UnavailableError, match="certificate is for another host name"):
                await client.transcribe(SPEECH.pcm, PCM)


async def test_an_http_server_on_the_port_is_told() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with AsyncClient(f"127.0.0.1:{port}", retries=AT_ONCE) as client:
            with pytest.raises(UnavailableError, match="an HTTP server answers there"):
                await client.transcribe(SPEECH.pcm, PCM)


@pytest.mark.parametrize(
    "endpoint", ["localhost", "http://localhost:1", "localhost:0", "localhost:70000", "a b:1", ""]
)
async def test_an_endpoint_that_is_none_is_refused_before_anything_is_sent(endpoint: str) -> None:
    async with AsyncClient(endpoint) as client:
        with pytest.raises(RequestError, match=r"endpoint: got .* accepted: HOST:PORT"):
            await client.transcribe(SPEECH.pcm, PCM)


_KEY = b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("tls", "text"),
    [
        (TlsConfig(root_certificates=b"junk"), "root_certificates: it holds no certificate"),
        (TlsConfig(root_certificates=_KEY), "root_certificates: it holds no certificate"),
        (TlsConfig(certificate=_KEY, private_key=_KEY), "TLS: certificate: it holds no cert"),
        (
            TlsConfig(certificate=_CERTIFICATE, private_key=_CERTIFICATE),
            "private_key: it holds no private key",
        ),
    ],
)
async def test_files_of_tls_that_hold_something_else_are_refused(tls: TlsConfig, text: str) -> None:
    async with AsyncClient("localhost:1", tls=tls) as client:
        with pytest.raises(RequestError, match=text):
            await client.transcribe(SPEECH.pcm, PCM)
