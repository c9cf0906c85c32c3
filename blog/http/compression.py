"""Content codings: in which of them a body is sent (RFC 9110 section 12.5.3), and how it is made.

What is compressed is another representation, so its entity-tag is another one (section 8.8.3.3).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache

import brotli
import zstandard
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

# What is shorter, in bytes, hardly gets shorter.
SHORTEST = 1000


def _to_zstd(body: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3).compress(body)


def _to_br(body: bytes) -> bytes:
    compressed: bytes = brotli.compress(body, quality=4)
    return compressed


def _to_gzip(body: bytes) -> bytes:
    # So many window bits have the header of gzip written, without a time.
    return zlib.compress(body, level=6, wbits=31)


# The quickest first: of those that a client likes equally, the first is chosen.
_CODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "zstd": _to_zstd,
    "br": _to_br,
    "gzip": _to_gzip,
}


@lru_cache(maxsize=256)
def choose_coding(accept: str) -> str | None:
    """The coding that fits an Accept-Encoding header best; None for the body as it is.

    So it is sent as well to those who refuse everything: there is no other way to tell them.
    """
    given = parse_accept_header(accept.lower(), Accept)
    best = max(_CODINGS, key=given.quality)
    # As it is, a body is always acceptable unless something else is said (section 12.5.3).
    plain = given["identity"] if "identity" in given.values() else 0
    return best if given.quality(best) > 0 and given.quality(best) >= plain else None


def compress(body: bytes, coding: str) -> bytes:
    """The body in a content coding."""
    return _CODINGS[coding](body)
