"""Honest inputs of the targets, to begin from, and a way to make dishonest ones of them."""

import json
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import grpc
import numpy as np

from fakes.model_archives import tar, zipped
from fakes.small_language import build, random_ngrams, write_arpa
from fuzzing.targets import TOKENS
from rechka.errors import CapacityError, ErrorCode
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2 as pb
from rechka.wire.status import to_status
from wire_client import AUDIO, config

__all__ = ["SEEDS", "mutate"]

_FILES = {"pack/model-9.onnx": b"weights" * 50, "pack/tokens.txt": b"<blk> 0\n", "pack/README": b""}
_LEXICON = [("ab", "a b"), ("abc", "a b c"), ("see", "c"), ("ab", "b a")]
_WORDS = ("ab", "abc", "see")
_MANIFEST = b"""name = "x"
version = "1"
engine = "ctc"
contract = "nemo"
languages = ["ru-RU"]
tags = ["general"]
sample_rate_hz = 16000
licence = "MIT"
summary = "s"
[decoder]
beam = 8
[card]
purpose = "p"
figures = [{set = "x", wer = 0.1}]
"""
_CATALOG = b"""mirrors = ["https://a.example/x"]
[[models]]
name = "x"
version = "1"
engine = "ctc"
languages = ["ru-RU"]
sample_rate_hz = 8000
licence = "MIT"
archive = "x.tar.bz2"
urls = ["https://a.example/x.tar.bz2"]
files = {"model.onnx" = "*.onnx"}
"""
_RECORD = {
    "format": 1,
    "name": "x",
    "origin": "pull",
    "source": "x",
    "archive_sha256": "0" * 64,
    "verified": True,
    "installed_at": "2026-01-31T12:00:00Z",
    "files": {"model.onnx": {"size_bytes": 1, "sha256": "0" * 64}},
}
_MOST_EDITS = 6
_ODD = (
    *(b"\0", b"\xff" * 4, b"\x7f\xff\xff\xff", b"9" * 30, b"9" * 5000, b"-5", b"0", b"1_0"),
    *(b"nan", b"-inf", b"1e999", b"[" * 3000, b"{", b"\n", b"\xd8\x00", b"\xed\xa0\x80"),
    *("\N{ARABIC-INDIC DIGIT THREE}".encode(), b"OggS", b"\\", b"../", b"\t"),
)


def _packets() -> list[bytes]:
    # Silence of 20 ms; one frame, two, and a number of them; one whose end is missing.
    packets = (b"\xf8\xff\xfe", b"\xf9\xff\xfe\xff\xfe", b"\xfb\x03\xff\xfe", b"\x78")
    return [b"".join(bytes((len(packet),)) + packet for packet in packets)]


def _opus_streams() -> list[bytes]:
    page = b"\x03\x03\x03" + b"\xf8\xff\xfe" * 3
    first = b"\0" * 11 + b"\x03" + page
    last = b"\x04" + b"\0" * 10 + b"\x03" + page
    later = b"\x18\x09" + b"\0\0\0" + b"\x90\x5f\x01" + b"\0" * 3 + b"\x03" + page
    head = b"\x01\x01\x38\x01" + b"\0" * 8
    return [
        b"\1" + head + first * 4 + last,
        b"\1" + head + first + later + last,
        b"\0" * 13 + first,
    ]


def _messages() -> list[bytes]:
    return [
        config("b1g", partial_results=True, model="general").SerializeToString(),
        config(audio_encoding="OGG_OPUS", profanity_filter=True).SerializeToString(),
        pb.StreamingRecognitionRequest(audio_content=b"1234").SerializeToString(),
    ]


def _answers() -> list[bytes]:
    word = pb.WordInfo(word="ab", confidence=1.0)
    word.start_time.FromMilliseconds(1500)
    text = pb.SpeechRecognitionAlternative(text="ab", confidence=1.0, words=[word])
    chunk = pb.SpeechRecognitionChunk(alternatives=[text], final=True)
    response = pb.StreamingRecognitionResponse(chunks=[chunk])
    error = CapacityError(
        ErrorCode.OVERLOADED, "full", violations={"field": "wrong"}, retry_after_s=1.5
    )
    code, _, trailing = to_status(error, request_id="r")
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    details = trailing[0][1]
    assert isinstance(details, bytes)
    return [b"\0" + response.SerializeToString(), b"\1" + details]


def _credentials() -> list[bytes]:
    fields = dict.fromkeys(("kid", "jti", "sub", "home", "key"), "x")
    payload = {**fields, "kind": "service", "iat": 1_800_000_000, "exp": 1_800_003_600}
    return [
        b"\0" + json.dumps(payload).encode(),
        b"\1eyJraWQiOiJ4In0.AAAA",
        b"\2Api-Key AQVNxxxxxxxxxxxxxxxxxx98iI",
        b"\2Bearer t1.x.y",
    ]


def _assertions() -> list[bytes]:
    header = json.dumps({"alg": "PS256", "typ": "JWT", "kid": "ajk1"}).encode()
    claims = {
        "iss": "aje1",
        "aud": "https://iam.speech.example/iam/v1/tokens",
        "iat": 1_800_000_000,
        "exp": 1_800_003_600,
    }
    return [b"\1" + header + b"\n" + json.dumps(claims).encode(), b"\0eyJhbGciOiJQUzI1NiJ9.e30.AA"]


def _archives() -> list[bytes]:
    contents = [tar(_FILES, packing=packing) for packing in ("", "gz", "bz2")]
    return [
        choice + content for content in (*contents, zipped(_FILES)) for choice in (b"\0", b"\1")
    ]


def _manifests() -> list[bytes]:
    bare = _MANIFEST.replace(b'contract = "nemo"\n', b"").replace(b"[decoder]\nbeam = 8\n", b"")
    parts = b"[files]\n" + b"".join(
        b'%s = "x"\n' % name for name in (b"encoder", b"tokens", b"bpe")
    )
    kinds = [_MANIFEST, _MANIFEST, bare.replace(b"ctc", b"sherpa") + parts]
    kinds += [bare.replace(b"ctc", b"vosk"), _MANIFEST, _CATALOG]
    kinds += [b'data_dir = "x"\n[server]\ngrpc_address = "a:1"\n[limits]\nidle_s = 5\n']
    kinds += [b'["ru-RU"]\n"general" = "x"\n', json.dumps(_RECORD).encode()]
    return [bytes((choice,)) + content for choice, content in enumerate(kinds)]


def _token_lists() -> list[bytes]:
    tokens = "<blk> 0\n▁a 1\nb 2\n▁ 3\nab 4\n".encode()
    vocabulary = "▁a\t-1.5\nb\t-2\n<unk>\t0\n".encode()
    piece = b"\x0a\x04\xe2\x96\x81a\x15\0\0\x80\xbf\x18\x01"
    model = b"\x0a" + bytes((len(piece),)) + piece
    return [b"\0" + tokens, b"\1" + tokens, b"\2" + vocabulary, b"\3" + model * 2]


def _language_models() -> list[bytes]:
    lexicon = "".join(f"{word}\t{spelling}\n" for word, spelling in _LEXICON).encode()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "lm.arpa")
        for order in (1, 3):
            write_arpa(path, random_ngrams(_WORDS, order, np.random.default_rng(order)))
            found += [b"\0" + path.read_bytes(), b"\1" + path.read_bytes() + b"\0" + lexicon]
    return found


def _graphs() -> list[bytes]:
    found = []
    for order in (1, 2, 3):
        with tempfile.TemporaryDirectory() as folder:
            table = random_ngrams(_WORDS, order, np.random.default_rng(order))
            build(Path(folder), _LEXICON, table, TOKENS)
            found.append(b"\1" + Path(folder, "graph.bin").read_bytes())
    return found


def _sound(name: str, most_bytes: int) -> Callable[[], list[bytes]]:
    return lambda: [b"\1" + (AUDIO / name).read_bytes()[:most_bytes]]


SEEDS: Mapping[str, Callable[[], Sequence[bytes]]] = {
    "pcm": lambda: [b"\0" + (AUDIO / "speech-8k.pcm").read_bytes()[16_000:18_000]],
    "ogg_pages": _sound("speech.ogg", 12_000),
    "ogg_opus": _sound("speech.ogg", 12_000),
    "opus_stream": _opus_streams,
    "opus_packets": _packets,
    "config": _messages,
    "hotwords": lambda: [
        *(b"\0ivan petrov:6; rechka", b"\1ivan petrov:6; rechka", b"\2ivan petrov:6\n# all\nrechka")
    ],
    "credentials": _credentials,
    "assertions": _assertions,
    "answers": _answers,
    "archives": _archives,
    "manifests": _manifests,
    "token_lists": _token_lists,
    "language_models": _language_models,
    "graphs": _graphs,
}
"""What makes the honest inputs, by the name of the target."""


def mutate(data: bytes, dice: random.Random, *, others: Sequence[bytes] = ()) -> bytes:
    """Return bytes with a few faults, of the kinds that wires, disks and attackers make."""
    found = bytearray(data)
    for _ in range(dice.randrange(1, _MOST_EDITS)):
        at = dice.randrange(len(found) + 1)
        length = dice.choice((1, 2, 4, 8, dice.randrange(1, 500)))
        match dice.randrange(7):
            case 0:
                found[at : at + 1] = bytes((dice.randrange(256),))
            case 1:
                found[at : at + 1] = (
                    bytes((found[at] ^ 1 << dice.randrange(8),)) if at < len(found) else b""
                )
            case 2:
                del found[at : at + length]
            case 3:
                found[at:at] = found[at : at + length]
            case 4:
                odd = dice.choice(_ODD)
                found[at : at + dice.choice((0, 1, len(odd)))] = odd
            case 5 if others:
                other = dice.choice(others)
                start = dice.randrange(len(other) + 1)
                found[at : at + length] = other[start : start + length]
            case _:
                del found[at:]
    return bytes(found)
