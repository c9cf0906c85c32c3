"""Codings, expectations and ends of connections as no client should send them, by chance."""

from __future__ import annotations

from base64 import b64encode
from random import Random

CONTENT = b'{"title": "Framed", "body": ""}'
_CODINGS = [
    "chunked",
    "gzip",
    "identity",
    "deflate",
    "x-foo",
    "",
    "chunked;a=b",
    "br",
    "\x0bchunked",
]
_LENGTHS = ["31", "031", "+31", "-1", "31, 31", "31,32", "0", "", "9" * 20, "3 1", "0x1f", "31 "]
_EXPECTATIONS = ["100-continue", "100-Continue", "100-continue, x", "x=y", "", "200-ok", "100"]
_SEPARATORS = [", ", ",", " ,\t", "\r\nTransfer-Encoding: "]


def coding(chance: Random) -> str:
    """The value of a Transfer-Encoding header; several where there are several fields."""
    codings = [_spelt(chance, chance.choice(_CODINGS)) for _ in range(chance.choice([1, 1, 2, 3]))]
    return chance.choice(_SEPARATORS).join(codings)


def expectation(chance: Random) -> str:
    """The value of an Expect header."""
    return chance.choice(_EXPECTATIONS)


def length(chance: Random) -> str:
    """The value of a Content-Length header."""
    return chance.choice(_LENGTHS)


def is_taken(coding: str) -> bool:
    """Whether a body in this transfer coding may be taken."""
    return coding.strip(" \t").lower() == "chunked"


def creation(chance: Random, fields: list[str], version: str = "HTTP/1.1") -> bytes:
    """A request to create a post, with other fields next to the usual ones; maybe only a part."""
    credentials = b64encode(b"rick:password").decode()
    usual = [
        *(f"POST /post {version}", "Host: a", "Content-Type: application/json"),
        f"Authorization: Basic {credentials}",
    ]
    head = "\r\n".join([*usual, *fields, "", ""]).encode("latin-1")
    body = chance.choice([CONTENT, chunked(chance), chunked(chance) + CONTENT])
    return head + body[: chance.choice([len(body), len(body), chance.randrange(len(body))])]


def chunked(chance: Random) -> bytes:
    """The content in chunks, each of some length."""
    chunks, rest = b"", CONTENT
    while rest:
        size = chance.randrange(1, len(rest) + 1)
        chunks += b"%x\r\n%s\r\n" % (size, rest[:size])
        rest = rest[size:]
    return chunks + b"0\r\n\r\n"


def _spelt(chance: Random, word: str) -> str:
    return "".join(chance.choice([letter.upper(), letter]) for letter in word)
