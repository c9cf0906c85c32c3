"""Content codings: negotiated, one representation each, and the same once decoded."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from blog.http.compression import choose_coding
from tests.contract import headers_of
from tests.people import RICK

pytestmark = pytest.mark.databases("sqlite")

DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "zstd": lambda body: zstandard.ZstdDecompressor().decompress(body),
    "br": brotli.decompress,
    "gzip": lambda body: zlib.decompress(body, wbits=31),
}
LONG = "All work and no play makes Jack a dull boy. " * 50


@pytest.fixture
def path(client: FlaskClient) -> str:
    """A post that is worth compressing."""
    response = client.post("/post", json={"title": "Long", "body": LONG}, auth=RICK)
    return response.headers["Location"].removeprefix("http://localhost")


def get(client: FlaskClient, path: str, coding: str, **headers: str) -> TestResponse:
    """The response to a client that accepts this coding."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get(path, headers={"Accept-Encoding": coding, **named})


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", None),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("GZIP", "gzip"),
        ("br;q=0.5, gzip", "gzip"),
        ("*", "zstd"),
        ("zstd;q=0, *", "br"),
        ("*;q=0", None),
        ("gzip;q=0", None),
        ("deflate", None),
        ("identity", None),
        ("identity, gzip;q=0.5", None),
        ("gzip;q=0.5, identity;q=0.4", "gzip"),
        ("identity;q=0", None),
        ("nonsense;;q=x,,", None),
        ("gzip;q=.5", "gzip"),
        ("gzip;q=.5, identity;q=.6", None),
        ("gzip;q=abc", "gzip"),
        ("x-gzip", "gzip"),
        ("x-gzip;q=0, *", "zstd"),
        ("X-GZIP;q=0.5, *;q=0.1", "gzip"),
        ('gzip;q="0.5", br;q=0.4', "gzip"),
    ],
)
def test_accept_encoding_chooses_the_coding(accept: str, expected: str | None) -> None:
    assert choose_coding(accept) == expected


@pytest.mark.parametrize("coding", DECODERS)
def test_a_body_is_the_same_once_decoded(client: FlaskClient, path: str, coding: str) -> None:
    plain = client.get(path)
    encoded = get(client, path, coding)

    assert encoded.headers["Content-Encoding"] == coding
    assert len(encoded.data) < len(plain.data) / 2
    assert DECODERS[coding](encoded.data) == plain.data


def test_each_coding_has_a_tag_of_its_own(client: FlaskClient, path: str) -> None:
    tags = {get(client, path, coding).headers["ETag"] for coding in ("identity", *DECODERS)}

    assert len(tags) == 4
    assert not any(tag.startswith("W/") for tag in tags)


@pytest.mark.parametrize("coding", DECODERS)
def test_304_is_of_the_coding_that_the_client_takes(
    client: FlaskClient, path: str, coding: str
) -> None:
    tag = get(client, path, coding).headers["ETag"]

    assert get(client, path, coding, If_None_Match=tag).status_code == 304
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("coding", DECODERS)
def test_a_write_may_name_the_version_by_the_tag_of_any_coding(
    client: FlaskClient, path: str, coding: str
) -> None:
    tag = get(client, path, coding).headers["ETag"]
    first = client.patch(path, json={"title": "New"}, auth=RICK, headers={"If-Match": tag})
    second = client.patch(path, json={"title": "Newer"}, auth=RICK, headers={"If-Match": tag})

    assert (first.status_code, second.status_code) == (200, 412)


@pytest.mark.parametrize("path", ["/", "/post?limit=1", "/nowhere"])
def test_a_short_body_is_not_compressed(client: FlaskClient, path: str) -> None:
    response = get(client, path, "gzip")

    assert "Content-Encoding" not in response.headers
    assert headers_of(response) == headers_of(client.get(path))


def test_a_response_to_a_write_is_not_compressed(client: FlaskClient, path: str) -> None:
    response = client.patch(
        path, json={"title": "New"}, auth=RICK, headers={"Accept-Encoding": "gzip"}
    )

    assert "Content-Encoding" not in response.headers
    assert response.json["body"] == LONG


def test_head_has_the_headers_of_get(client: FlaskClient, path: str) -> None:
    got = get(client, path, "gzip")
    head = client.head(path, headers={"Accept-Encoding": "gzip"})

    assert headers_of(head) == headers_of(got)
    assert head.data == b""
