"""IAM tokens: what is signed is what is read, and nothing else passes."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from rechka.access.credentials import SigningKey
from rechka.access.identities import AccountKind
from rechka.access.tokens import TokenClaims, TokenSigner, parse_token

SIGNER = TokenSigner(Ed25519PrivateKey.from_private_bytes(bytes(range(32))), created_at_s=0.0)
STRANGER = TokenSigner(Ed25519PrivateKey.generate(), created_at_s=0.0)
CLAIMS = TokenClaims("tok1", "aje1", AccountKind.SERVICE, "b1g1", 1000, 1000 + 12 * 3600)
TOKEN = SIGNER.sign(CLAIMS)


def is_good(token: str) -> bool:
    parsed = parse_token(token)
    return parsed is not None and parsed.is_signed_by(SIGNER.key)


def test_a_token_says_what_was_signed() -> None:
    parsed = parse_token(TOKEN)
    assert parsed is not None
    assert parsed.claims == CLAIMS
    assert parsed.key_id == SIGNER.key.key_id
    assert parsed.is_signed_by(SIGNER.key)


def test_a_token_of_another_key_is_not_signed_by_this_one() -> None:
    assert not is_good(STRANGER.sign(CLAIMS))


def test_a_key_under_another_id_has_not_signed_it() -> None:
    parsed = parse_token(TOKEN)
    assert parsed is not None
    assert not parsed.is_signed_by(SigningKey("other", SIGNER.key.public_key))


@pytest.mark.parametrize("life_s", [0, -1, 12 * 3600 + 1])
def test_a_token_lives_for_twelve_hours_at_most(life_s: int) -> None:
    claims = TokenClaims("tok1", "aje1", AccountKind.SERVICE, "b1g1", 1000, 1000 + life_s)
    with pytest.raises(ValueError, match="12 hours"):
        SIGNER.sign(claims)


@given(position=st.integers(0, len(TOKEN) - 1), character=st.characters(codec="utf-8"))
def test_a_token_with_one_character_changed_is_bad(position: int, character: str) -> None:
    changed = TOKEN[:position] + character + TOKEN[position + 1 :]
    assert is_good(changed) == (changed == TOKEN)


@given(st.integers(0, len(TOKEN) - 1))
def test_a_token_that_is_cut_is_bad(length: int) -> None:
    assert not is_good(TOKEN[:length])


@given(st.text())
def test_any_other_text_is_bad(text: str) -> None:
    assert not is_good(text)
    assert not is_good(f"t1.{text}")
    assert not is_good(TOKEN + text) or not text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ("kid", "jti", "sub", "kind", "home", "iat", "exp")


@given(st.dictionaries(st.sampled_from(FIELDS), JSON) | JSON)
def test_a_payload_of_any_shape_is_read_or_refused_and_raises_nothing(payload: object) -> None:
    text = base64.urlsafe_b64encode(json.dumps(payload).encode()).rstrip(b"=").decode()
    assert not is_good(f"t1.{text}.{TOKEN.rpartition('.')[2]}")


def test_a_secret_derived_from_the_key_is_always_the_same_and_its_own() -> None:
    assert SIGNER.derive_secret("one") == SIGNER.derive_secret("one")
    secrets = {key.derive_secret(name) for key in (SIGNER, STRANGER) for name in ("one", "two")}
    assert len(secrets) == 4
