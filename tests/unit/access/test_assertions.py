"""The JWT of a service account: one way in, and no other."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from rechka.access.assertions import read_key_id, verify_assertion
from rechka.access.credentials import AuthorizedKey
from rechka.access.identities import Account, AccountKind
from rechka.errors import AccessError

NOW_S = 1_800_000_000.0
HOSTS = frozenset({"speech.example", "localhost", "[::1]"})
PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC_PEM = (
    PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
)
ACCOUNT = Account("aje1", AccountKind.SERVICE, "b1g1")
KEY = AuthorizedKey("ajk1", ACCOUNT, PUBLIC_PEM)
CLAIMS = {
    "iss": "aje1",
    "aud": "https://iam.speech.example/iam/v1/tokens",
    "iat": int(NOW_S),
    "exp": int(NOW_S) + 3600,
}
HEADERS = {"typ": "JWT", "kid": "ajk1"}


def sign(
    claims: Mapping[str, Any] = CLAIMS,
    *,
    key: Any = PRIVATE,
    algorithm: str = "PS256",
    headers: Mapping[str, Any] = HEADERS,
) -> str:
    return jwt.encode(dict(claims), key, algorithm=algorithm, headers=dict(headers))


def is_accepted(assertion: str, key: AuthorizedKey | None = KEY, now_s: float = NOW_S) -> bool:
    try:
        if read_key_id(assertion) != KEY.key_id:
            key = None
        verify_assertion(assertion, key, hosts=HOSTS, now_s=now_s)
    except AccessError:
        return False
    return True


def encode(part: object) -> str:
    data = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_the_jwt_of_an_sdk_is_accepted() -> None:
    assert is_accepted(sign())


@pytest.mark.parametrize(
    "audience",
    [
        "https://iam.localhost:50051/iam/v1/tokens",
        "https://iam.SPEECH.example/iam/v1/tokens",
        "https://iam.[::1]:50051/iam/v1/tokens",
        ["https://elsewhere", "https://iam.speech.example/iam/v1/tokens"],
    ],
)
def test_an_audience_of_this_server_is_accepted(audience: object) -> None:
    assert is_accepted(sign({**CLAIMS, "aud": audience}))


@pytest.mark.parametrize(
    "audience",
    [
        None,
        "",
        [],
        7,
        {"https://iam.speech.example/iam/v1/tokens": 1},
        "speech.example",
        "https://iam.other.example/iam/v1/tokens",
        "http://iam.speech.example/iam/v1/tokens",
        "https://speech.example/iam/v1/tokens",
        "https://iam.speech.example/iam/v1/tokens/",
        "https://iam.speech.example/iam/v1/tokens\n",
        "https://iam.speech.example.evil/iam/v1/tokens",
        "https://iam.evil@speech.example/iam/v1/tokens",
        "https://iam.evil:80:speech.example/iam/v1/tokens",
        ["https://iam.other.example/iam/v1/tokens"],
    ],
)
def test_any_other_audience_is_refused(audience: object) -> None:
    claims = {**CLAIMS, "aud": audience}
    header = {"alg": "PS256", **HEADERS}
    assert not is_accepted(_sign_raw(header, claims))


def _sign_raw(header: Mapping[str, Any], claims: object, key: rsa.RSAPrivateKey = PRIVATE) -> str:
    """Sign with PS256 what the library would not let pass."""
    text = f"{encode(header)}.{encode(claims)}"
    algorithm = jwt.algorithms.RSAPSSAlgorithm(jwt.algorithms.RSAPSSAlgorithm.SHA256)
    return f"{text}.{encode(algorithm.sign(text.encode(), key))}"


def test_raw_signing_alone_changes_nothing() -> None:
    assert is_accepted(_sign_raw({"alg": "PS256", **HEADERS}, CLAIMS))


@pytest.mark.parametrize(
    ("offsets", "accepted"),
    [
        ({"iat": 0, "exp": 3600}, True),
        ({"iat": -3599, "exp": 1}, True),
        ({"iat": -3600, "exp": 0}, False),
        ({"iat": 0, "exp": 3601}, False),
        ({"iat": 30, "exp": 3600}, True),
        ({"iat": 31, "exp": 3600}, False),
        ({"iat": 10, "exp": 10}, False),
        ({"iat": 20, "exp": 10}, False),
        ({"iat": 0, "exp": 3600, "nbf": 30}, True),
        ({"iat": 0, "exp": 3600, "nbf": 31}, False),
    ],
)
def test_the_times_decide(offsets: dict[str, int], accepted: bool) -> None:  # noqa: FBT001
    times = {name: int(NOW_S) + offset for name, offset in offsets.items()}
    assert is_accepted(sign({**CLAIMS, **times})) == accepted


@pytest.mark.parametrize("name", ["iss", "aud", "iat", "exp"])
def test_no_claim_may_be_missing(name: str) -> None:
    assert not is_accepted(sign({key: value for key, value in CLAIMS.items() if key != name}))


@pytest.mark.parametrize(
    "value", [None, True, "1800000000", [1], {}, float("nan"), float("inf"), 10**400, -(10**400)]
)
@pytest.mark.parametrize("name", ["iat", "exp", "nbf"])
def test_a_time_that_is_no_number_is_refused(name: str, value: object) -> None:
    assert not is_accepted(_sign_raw({"alg": "PS256", **HEADERS}, {**CLAIMS, name: value}))


@pytest.mark.parametrize("algorithm", ["RS256", "PS384", "PS512", "RS512"])
def test_another_algorithm_of_the_same_key_is_refused(algorithm: str) -> None:
    assert not is_accepted(sign(algorithm=algorithm))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
def test_a_jwt_without_a_signature_is_refused(algorithm: str) -> None:
    for signature in ("", "AAAA"):
        text = f"{encode({**HEADERS, 'alg': algorithm})}.{encode(CLAIMS)}.{signature}"
        assert not is_accepted(text)


@pytest.mark.parametrize("algorithm", ["HS256", "PS256"])
def test_the_public_key_is_no_shared_secret(algorithm: str) -> None:
    text = f"{encode({**HEADERS, 'alg': algorithm})}.{encode(CLAIMS)}"
    mac = hmac.new(PUBLIC_PEM.encode(), text.encode(), hashlib.sha256).digest()
    assert not is_accepted(f"{text}.{encode(mac)}")


def test_a_key_that_the_jwt_brings_along_is_not_used() -> None:
    own = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(STRANGER.public_key()))
    for extra in ({"jwk": own}, {"jku": "https://evil.example"}, {"x5u": "https://evil.example"}):
        assert not is_accepted(sign(key=STRANGER, headers={**HEADERS, **extra}))


def test_another_key_is_refused() -> None:
    assert not is_accepted(sign(key=STRANGER))
    elliptic = ec.generate_private_key(ec.SECP256R1())
    assert not is_accepted(sign(key=elliptic, algorithm="ES256"))


@pytest.mark.parametrize(
    "key_id", [None, "", 7, ["ajk1"], "other", "a\x00b", "\ud800", "ajk1\n", "x" * 65]
)
def test_a_key_id_that_is_not_the_keys_is_refused(key_id: object) -> None:
    header = {"alg": "PS256", "typ": "JWT", "kid": key_id}
    assert not is_accepted(_sign_raw(header, CLAIMS))


def test_the_account_must_be_that_of_the_key() -> None:
    assert not is_accepted(sign({**CLAIMS, "iss": "aje2"}))


def test_a_revoked_key_a_disabled_account_and_a_short_key_are_refused() -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    pem = short.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert not is_accepted(sign(), replace(KEY, revoked=True))
    assert not is_accepted(sign(), replace(KEY, account=replace(ACCOUNT, disabled=True)))
    assertion = _sign_raw({"alg": "PS256", **HEADERS}, CLAIMS, short)
    assert not is_accepted(assertion, replace(KEY, public_key=pem))


def test_what_is_wrong_is_told_only_to_the_holder_of_the_key() -> None:
    def text(assertion: str, key: AuthorizedKey | None) -> str:
        with pytest.raises(AccessError) as caught:
            verify_assertion(assertion, key, hosts=HOSTS, now_s=NOW_S)
        return caught.value.message

    wrong = {**CLAIMS, "aud": "https://iam.other.example/iam/v1/tokens"}
    assert "speech.example" in text(sign(wrong), KEY)
    outsiders = {text(sign(wrong, key=STRANGER), KEY), text(sign(wrong), None)}
    outsiders |= {text(sign(wrong), replace(KEY, revoked=True))}
    assert outsiders == {"The JWT is invalid"}


GOOD = sign()


@given(position=st.integers(0, len(GOOD) - 1), character=st.characters(codec="utf-8"))
def test_a_jwt_with_one_character_changed_is_refused(position: int, character: str) -> None:
    changed = GOOD[:position] + character + GOOD[position + 1 :]
    if changed != GOOD and not _differs_in_padding_only(position):
        assert not is_accepted(changed)


def _differs_in_padding_only(position: int) -> bool:
    """The last character of a part holds bits that the decoder drops."""
    ends = [index - 1 for index, character in enumerate(GOOD) if character == "."]
    return position in {*ends, len(GOOD) - 1}


@given(st.text() | st.binary().map(lambda data: f"{encode(data)}.{encode(CLAIMS)}.AAAA"))
def test_any_other_text_is_refused_and_raises_nothing_else(text: str) -> None:
    assert not is_accepted(text)


VALUES = st.none() | st.booleans() | st.text(max_size=8) | st.lists(st.integers(), max_size=2)
TIMES = st.integers(-7200, 7200).map(lambda offset: int(NOW_S) + offset)


@given(
    issuer=st.just("aje1") | VALUES,
    audience=st.just(CLAIMS["aud"]) | VALUES,
    issued_at_s=TIMES | VALUES,
    expires_at_s=TIMES | VALUES,
    key=st.sampled_from([PRIVATE, STRANGER]),
    algorithm=st.sampled_from(["PS256", "RS256", "PS512"]),
    key_id=st.sampled_from(["ajk1", "ajk2"]),
)
def test_a_jwt_is_accepted_only_if_everything_in_it_is_right(
    issuer: object,
    audience: object,
    issued_at_s: Any,
    expires_at_s: Any,
    key: rsa.RSAPrivateKey,
    algorithm: str,
    key_id: str,
) -> None:
    claims = {"iss": issuer, "aud": audience, "iat": issued_at_s, "exp": expires_at_s}
    name = {"PS256": "SHA256", "PS512": "SHA512", "RS256": "SHA256"}[algorithm]
    kind = jwt.algorithms.RSAAlgorithm if algorithm == "RS256" else jwt.algorithms.RSAPSSAlgorithm
    text = f"{encode({'alg': algorithm, 'kid': key_id})}.{encode(claims)}"
    signature = kind(getattr(kind, name)).sign(text.encode(), key)
    expected = (
        issuer == "aje1"
        and audience == CLAIMS["aud"]
        and type(issued_at_s) is int
        and type(expires_at_s) is int
        and issued_at_s <= NOW_S + 30
        and expires_at_s > NOW_S
        and 0 < expires_at_s - issued_at_s <= 3600
        and (key is PRIVATE, algorithm, key_id) == (True, "PS256", "ajk1")
    )
    assert is_accepted(f"{text}.{encode(signature)}") == expected
