"""Addresses of the settings: which are accepted, and what a refusal says."""

import pytest

from rechka.address import Address, parse_address
from rechka.errors import RequestError
from rechka.settings import load_settings

ACCEPTED = r"accepted: HOST:PORT or \[IPv6\]:PORT, port 0 to 65535"
BAD = ["", "foo", "127.0.0.1", ":50999", "foo:", "foo:http", "foo:-1", "foo:65536", "foo:99999"]
BAD += ["::1", "::1:50051", "[::1]", "[foo]:1", "a b:1", "http://foo:1", "foo:1\n", "foo:1:2"]
BAD += ["unix:", "unix:/run/\0", "dns:///foo:1"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:0", Address("127.0.0.1", 0)),
        ("speech.example:65535", Address("speech.example", 65_535)),
        ("[::1]:50051", Address("[::1]", 50_051)),
        ("unix:/run/rechka.sock", Address("", 0, path="/run/rechka.sock")),
        ("unix:here", Address("", 0, path="here")),
    ],
)
def test_an_address_is_a_host_and_a_port_or_a_unix_socket(text: str, address: Address) -> None:
    assert parse_address(text, may_be_unix=True) == address


@pytest.mark.parametrize("text", BAD)
def test_other_addresses_are_refused_with_what_is_accepted(text: str) -> None:
    with pytest.raises(ValueError, match=rf"^{ACCEPTED}, or unix:PATH$"):
        parse_address(text, may_be_unix=True)


@pytest.mark.parametrize("text", ["127.0.0.1", "foo", ":50999", "127.0.0.1:99999", "127.0.0.1:-1"])
@pytest.mark.parametrize("name", ["grpc_address", "http_address", "advertised_address"])
def test_each_address_of_the_settings_is_checked(name: str, text: str) -> None:
    with pytest.raises(RequestError, match=rf"^settings: server\.{name}: got '{text}'; {ACCEPTED}"):
        load_settings(overrides={"server": {name: text}})


@pytest.mark.parametrize("name", ["http_address", "advertised_address"])
def test_http_and_other_machines_are_served_at_no_unix_socket(name: str) -> None:
    with pytest.raises(RequestError, match=rf"server\.{name}: got 'unix:/x'; {ACCEPTED}$"):
        load_settings(overrides={"server": {name: "unix:/x"}})


def test_only_an_advertised_address_may_be_empty() -> None:
    assert load_settings(overrides={"server": {"advertised_address": ""}})
    with pytest.raises(RequestError, match=r"server\.grpc_address: got ''; accepted: HOST:PORT"):
        load_settings(overrides={"server": {"grpc_address": ""}})
