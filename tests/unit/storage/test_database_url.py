"""URLs of databases: which are refused before a connection is tried."""

from pathlib import Path

import pytest

from rechka.errors import RequestError
from rechka.storage.database import parse_database_url


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ("@127.0.0.1:99999/rechka", "got port 99999; accepted: 1 to 65535"),
        ("@127.0.0.1:0/rechka", "got port 0; accepted"),
        ("@/rechka?host=a:5432&host=b:99999", "got port 99999; accepted"),
        ("@/rechka?host=a,b&port=5432,99999", "got port 99999; accepted"),
        ("@/rechka?host=a&port=99999", "got port 99999; accepted"),
        ("@/rechka?port=first", "its hosts and ports do not fit together"),
        ("@/rechka?host=a,b", "its hosts and ports do not fit together"),
        ("@/rechka?host=a,b&port=1,2,3", "its hosts and ports do not fit together"),
    ],
)
def test_a_port_that_does_not_exist_is_refused(place: str, problem: str) -> None:
    with pytest.raises(RequestError, match=f"^database URL: {problem}") as caught:
        parse_database_url(f"postgresql://rechka:hunter2{place}", data_dir=Path())
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "place",
    [
        "@127.0.0.1/rechka",
        "@[::1]:5432/rechka",
        "@/rechka",
        "@/rechka?host=/run/postgresql",
        "@/rechka?host=a:1&host=b:65535",
        "@a/rechka?sslmode=require",
    ],
)
def test_other_places_are_left_to_the_driver(place: str) -> None:
    url = parse_database_url(f"postgresql://rechka{place}", data_dir=Path())
    assert url.drivername == "postgresql+asyncpg"
