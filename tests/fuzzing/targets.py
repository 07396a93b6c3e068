"""What reads bytes from outside, each behind one function of bytes.

A target returns, or raises an error of the project; anything else is a fault. Some of
what it is given goes past check sums and into structures that chance would not find:
the first byte chooses.
"""

import asyncio
import base64
import random
import struct
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote_from_bytes

import grpc
import jwt
import numpy as np
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from google.protobuf.message import DecodeError

from rechka.access.assertions import read_key_id, verify_assertion
from rechka.access.audit import AuditLog
from rechka.access.authority import Authority
from rechka.access.credentials import AuthorizedKey
from rechka.access.identities import Account, AccountKind
from rechka.access.throttle import LoginThrottle
from rechka.access.tokens import TokenSigner, parse_token
from rechka.access.trust import TrustCache
from rechka.audio.decoder import AudioDecoder, create_decoder
from rechka.audio.ogg import MAX_PAGE_BYTES, Page, PageReader, ogg_crc
from rechka.audio.ogg_packets import PacketReader
from rechka.audio.opus import OPUS_RATE_HZ
from rechka.audio.opus_codec import OpusPacketDecoder
from rechka.catalog.archives import open_archive
from rechka.catalog.entries import load_catalog
from rechka.catalog.installed import read_record
from rechka.catalog.manifest import MANIFEST, read_manifest
from rechka.catalog.selection import read_selection
from rechka.catalog.unpack import unpack
from rechka.catalog.watcher import SilentWatcher
from rechka.errors import RechkaError
from rechka.hotwords import read_hotwords_file
from rechka.recognition.engines.ctc import manifest as ctc
from rechka.recognition.engines.ctc.arpa import count_ngrams, read_lexicon
from rechka.recognition.engines.ctc.compile import compile_graph
from rechka.recognition.engines.ctc.graph import Graph, read_graph
from rechka.recognition.engines.ctc.tokens import read_tokens
from rechka.recognition.engines.sherpa import model_folder as sherpa
from rechka.recognition.engines.sherpa import tokens as sherpa_tokens
from rechka.recognition.engines.sherpa.pieces import read_pieces
from rechka.recognition.engines.vosk.model_folder import read_folder
from rechka.recognition.model_folders import find_model_folders
from rechka.session.validation import check_spec
from rechka.settings import LimitSettings, load_settings
from rechka.spec import AudioEncoding, RecognitionSpec
from rechka.storage.access_memory import MemoryAccessStore
from rechka.wire.codec_v2 import decode_config, decode_response
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2 as pb
from rechka.wire.hotwords import HOTWORDS, HOTWORDS_BIN, decode_hotwords
from rechka.wire.status import from_status

__all__ = ["TARGETS", "TOKENS", "Target", "run"]

Target = Callable[[bytes], None]
TOKENS = ("a", "b", "c", "<blk>")
"""Tokens of the model that graphs are read for."""

_NOW_S = 1_800_000_000.0
_LIMIT_BYTES = 256 * 1024
# 255 packets of 120 ms a page, and what stands for what was lost.
_MOST_SAMPLES_OF_A_PAGE = 255 * 5760
_FREE_LOSS_SAMPLES = 60 * OPUS_RATE_HZ
_CRC_AT = slice(22, 26)
_PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_KEY = AuthorizedKey(
    "ajk1",
    Account("aje1", AccountKind.SERVICE, "b1g1"),
    _PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
)
_SIGNER = TokenSigner(Ed25519PrivateKey.generate(), created_at_s=0.0)


def run(target: Target, data: bytes) -> bool:
    """Give a target some bytes; return whether they were answered, not refused."""
    try:
        target(data)
    except RechkaError:
        return False
    return True


def _cut(data: bytes, seed: int) -> Iterator[bytes]:
    """Yield the bytes in chunks of very different lengths."""
    dice = random.Random(seed)
    start = 0
    while start < len(data):
        size = dice.choice((0, 1, 2, 27, dice.randrange(1, 300), dice.randrange(1, 9000)))
        yield data[start : start + size]
        start += size


def _head(data: bytes) -> tuple[int, bytes]:
    return (data[0], data[1:]) if data else (0, b"")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _decode(decoder: AudioDecoder, data: bytes, seed: int) -> int:
    """Return how many samples come out; all are numbers within full scale."""
    count = 0
    for samples in (*map(decoder.decode, _cut(data, seed)), decoder.flush()):
        assert samples.dtype == np.float32
        assert np.isfinite(samples).all()
        assert not len(samples) or float(np.abs(samples).max()) <= 1.0
        count += len(samples)
    return count


def pcm(data: bytes) -> None:
    """Read the samples of a session."""
    seed, data = _head(data)
    spec = RecognitionSpec(
        encoding=AudioEncoding.LINEAR16_PCM, sample_rate_hz=(8_000, 16_000, 48_000)[seed % 3]
    )
    assert _decode(create_decoder(spec), data, seed) == len(data) // 2


def ogg_pages(data: bytes) -> None:
    """Read pages and packets."""
    choice, data = _head(data)
    data = _with_checksums(data) if choice % 2 else data
    reader, packets, size_bytes = PageReader(), PacketReader(0), 0
    for chunk in _cut(data, choice):
        reader.feed(chunk)
        size_bytes += len(chunk)
        while (page := reader.next_page()) is not None:
            assert len(page.encode()) <= MAX_PAGE_BYTES
            found = packets.accept(page)
            assert found is None or len(found.packets) <= page.completed_packets
        assert size_bytes - MAX_PAGE_BYTES < reader.position_bytes <= size_bytes


def _with_checksums(data: bytes) -> bytes:
    """Return bytes whose pages have the check sums that their readers look for."""
    found, at = bytearray(data), 0
    while (at := found.find(b"OggS", at)) >= 0 and at + 27 <= len(found):
        segments = found[at + 27 : at + 27 + found[at + 26]]
        end = at + 27 + len(segments) + sum(segments)
        if end <= len(found):
            page = found[at:end]
            page[_CRC_AT] = bytes(4)
            found[at + 22 : at + 26] = ogg_crc(bytes(page)).to_bytes(4, "little")
        at += 4
    return bytes(found)


def ogg_opus(data: bytes) -> None:
    """Read the compressed audio of a session."""
    choice, data = _head(data)
    data = _with_checksums(data) if choice % 2 else data
    _stream(data, choice)


def opus_stream(data: bytes) -> None:
    """Read a stream of sound pages, whose flags, numbers, positions and packets are given."""
    choice, data = _head(data)
    head = (data[:11] if choice & 1 else b"\x01\x01").ljust(11, b"\0")
    pages = [
        Page(
            serial=1, sequence=0, granule=0, lacing=b"\x13", body=b"OpusHead" + head, is_first=True
        )
    ]
    data = data[12:]
    while len(data) > 12:
        flags, sequence, granule, count = struct.unpack("<BHqB", data[:12])
        lacing = data[12 : 12 + count]
        body = data[12 + len(lacing) :][: sum(lacing)].ljust(sum(lacing), b"\0")
        data = data[12 + len(lacing) + sum(lacing) :]
        # A position of all 64 bits is seldom near the one before.
        near = len(pages) * 960 + granule % 100_000
        pages.append(
            Page(
                serial=1 + (flags >> 6 == 3),
                sequence=sequence if flags & 8 else len(pages),
                granule=granule if flags & 16 else near,
                lacing=lacing,
                body=body,
                is_continued=bool(flags & 1),
                is_first=flags & 38 == 38,
                is_last=bool(flags & 4),
            )
        )
    _stream(b"".join(page.encode() for page in pages), choice)


def _stream(data: bytes, seed: int) -> None:
    decoder = create_decoder(RecognitionSpec(encoding=AudioEncoding.OGG_OPUS))
    count = _decode(decoder, data, seed)
    heard = data.count(b"OggS") * _MOST_SAMPLES_OF_A_PAGE
    # No more is put in place of what was lost than was there, but for a minute.
    assert count <= 2 * heard + _FREE_LOSS_SAMPLES


def opus_packets(data: bytes) -> None:
    """Decode packets, each with its length before it."""
    decoder = OpusPacketDecoder()
    while data:
        length, data = data[0], data[1:]
        packet, data = data[:length], data[length:]
        expected = decoder.length(packet)
        samples, _ = decoder.decode(packet)
        assert len(samples) == expected
        assert np.isfinite(samples).all()


def config(data: bytes) -> None:
    """Read the first message of a session."""
    try:
        message = pb.StreamingRecognitionRequest.FromString(data)
    except DecodeError:
        # The gRPC library answers it.
        return
    spec = decode_config(message.config, normalize_partials=False)
    check_spec(spec, LimitSettings())
    create_decoder(spec)


def hotwords(data: bytes) -> None:
    """Read the phrases of a session, and of a file."""
    choice, data = _head(data)
    match choice % 3:
        case 0:
            decode_hotwords({HOTWORDS_BIN: data})
        case 1:
            decode_hotwords({HOTWORDS: quote_from_bytes(data)})
            decode_hotwords({HOTWORDS: data.decode("latin-1")})
        case _:
            with _file("hotwords.txt", data) as path:
                read_hotwords_file(path, field="hotwords")


def credentials(data: bytes) -> None:
    """Ask who calls."""
    choice, data = _head(data)
    if choice % 3 == 0:
        payload = base64.urlsafe_b64encode(data).rstrip(b"=").decode()
        token = f"t1.{payload}.{base64.urlsafe_b64encode(bytes(64)).rstrip(b'=').decode()}"
        if (parsed := parse_token(token)) is not None:
            assert not parsed.is_signed_by(_SIGNER.key)
        header = f"Bearer {token}"
    elif choice % 3 == 1:
        header = f"Bearer t1.{_text(data)}"
    else:
        header = _text(data)
    asyncio.run(_authority().authenticate(header))
    raise AssertionError("nobody has credentials here")


def _authority() -> Authority:
    store = MemoryAccessStore()
    audit, throttle = AuditLog(store, clock=time.time), LoginThrottle(0)
    return Authority(store, cache=TrustCache(store), audit=audit, throttle=throttle)


def assertions(data: bytes) -> None:
    """Read the JWT of a service account: any text, or one that is signed as it should be."""
    choice, data = _head(data)
    assertion = _text(data)
    if choice % 2:
        header, _, claims = data.partition(b"\n")
        signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (header, claims))
        algorithm = jwt.get_algorithm_by_name("PS256")
        signature = base64.urlsafe_b64encode(algorithm.sign(signed, _PRIVATE)).rstrip(b"=")
        assertion = b".".join((signed, signature)).decode()
    if read_key_id(assertion) == _KEY.key_id:
        verify_assertion(assertion, _KEY, hosts={"speech.example"}, now_s=_NOW_S)


def answers(data: bytes) -> None:
    """Read what a server answers a client."""
    choice, data = _head(data)
    if choice % 2:
        trailing = (("grpc-status-details-bin", data),)
        for code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INVALID_ARGUMENT):
            assert isinstance(from_status(code, "", trailing), RechkaError)
        return
    try:
        response = pb.StreamingRecognitionResponse.FromString(data)
    except DecodeError:
        return
    decode_response(response)


def archives(data: bytes) -> None:
    """Unpack an archive; nothing may lie outside of its folder, nor be larger than the limit."""
    choice, data = _head(data)
    wanted: Mapping[str, str] = {"model.onnx": "*.onnx"} if choice % 2 else {}
    with _file("archive", data) as path:
        into = path.parent / "into"
        into.mkdir()
        try:
            with open_archive(path, limit_bytes=_LIMIT_BYTES) as members:
                unpack(
                    members,
                    into,
                    place="archive",
                    wanted=wanted,
                    limit_bytes=_LIMIT_BYTES,
                    watcher=SilentWatcher(),
                )
        finally:
            assert set(path.parent.iterdir()) == {path, into}
            files = [item for item in into.rglob("*") if not item.is_dir()]
            assert all(item.is_file() and not item.is_symlink() for item in files)
            assert sum(item.stat().st_size for item in files) <= _LIMIT_BYTES


def manifests(data: bytes) -> None:
    """Read what a model, a catalog, a selection or an operator's settings say."""
    choice, data = _head(data)
    readers: list[Callable[[Path], object]] = [
        lambda path: read_manifest(path.parent),
        lambda path: ctc.read_manifest(path.parent),
        lambda path: sherpa.find_files(path.parent, sherpa.read_manifest(path.parent)),
        lambda path: read_folder(path.parent),
        lambda path: find_model_folders([str(path.parent.parent)], engine="ctc"),
        load_catalog,
        load_settings,
    ]
    if choice % 9 < 7:
        with _file(f"model/{MANIFEST}", data) as path:
            readers[choice % 9](path)
    elif choice % 9 == 7:
        with _file("models/selection.toml", data) as path:
            read_selection(path.parent.parent)
    else:
        with _file("installed.json", data) as path:
            read_record(path.parent)


def token_lists(data: bytes) -> None:
    """Read the tokens and the pieces of a model."""
    choice, data = _head(data)
    with _file(("tokens.txt", "tokens.txt", "bpe.vocab", "bpe.model")[choice % 4], data) as path:
        match choice % 4:
            case 0:
                read_tokens(path)
            case 1:
                sherpa_tokens.read_tokens(path)
            case _:
                pieces = read_pieces(path, ("▁a", "b", "▁", "ab"))
                assert pieces is None or pieces.count("abab") >= 0


def language_models(data: bytes) -> None:
    """Compile a language model, its lexicon, or both; what comes out must be good to read."""
    choice, data = _head(data)
    arpa, _, lexicon = data.partition(b"\0") if choice & 1 else (data, b"", b"")
    suffix = ".gz" if choice & 2 else ""
    with _file(f"lm.arpa{suffix}", arpa) as path:
        tokens = path.with_name("tokens.txt")
        tokens.write_text("".join(f"{text} {index}\n" for index, text in enumerate(TOKENS)))
        lexicon_path = path.with_name("lexicon.txt")
        lexicon_path.write_bytes(lexicon)
        count_ngrams(path)
        if lexicon:
            read_lexicon(lexicon_path)
        output = path.with_name("graph.bin")
        compile_graph(
            arpa=path, tokens=tokens, output=output, lexicon=lexicon_path if lexicon else None
        )
        _walk(read_graph(output, TOKENS))


def graphs(data: bytes) -> None:
    """Read a compiled graph, and walk through one that is accepted."""
    choice, data = _head(data)
    if choice % 2 and len(data) > 20:
        head = struct.pack("<8sI", b"RECHKA\0G", 1) + data[12:16]
        data = head + zlib.crc32(data[20:]).to_bytes(4, "little") + data[20:]
    with _file("graph.bin", data) as path:
        _walk(read_graph(path, TOKENS))


def _walk(graph: Graph) -> None:
    for word in range(min(graph.words, 50)):
        graph.text(word)
        graph.nodes_of(word)
    ngrams = graph.ngrams
    states = np.array([0, ngrams.begin, ngrams.states - 1], dtype=np.int64)
    for word in (0, graph.words - 1, ngrams.end):
        scores, states = ngrams.score(states, np.full(3, word, dtype=np.int64))
        assert np.isfinite(scores).all()
        assert ((states >= 0) & (states < ngrams.states)).all()
    children = graph.first_child
    assert (np.diff(children) >= 0).all()
    assert int(children[-1]) == graph.end_node


@contextmanager
def _file(name: str, data: bytes) -> Iterator[Path]:
    """Yield a file in a folder of its own, which is thrown away."""
    with tempfile.TemporaryDirectory(prefix="rechka-fuzz-") as folder:
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        yield path


TARGETS: Mapping[str, Target] = {
    target.__name__: target
    for target in (
        *(pcm, ogg_pages, ogg_opus, opus_stream, opus_packets, config, hotwords),
        *(credentials, assertions, answers, archives, manifests, token_lists),
        *(language_models, graphs),
    )
}
"""By name."""
