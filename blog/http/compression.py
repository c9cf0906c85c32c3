"""Content codings of a response (RFC 9110 section 12.5.3).

A compressed representation has an entity-tag of its own (RFC 9110 section 8.8.3.3).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache

import brotli
import zstandard

from blog.http.negotiation import Preference, parse_preferences

# In bytes; shorter bodies hardly shrink.
MIN_SIZE = 1000


def _to_zstd(body: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3).compress(body)


def _to_br(body: bytes) -> bytes:
    compressed: bytes = brotli.compress(body, quality=4)
    return compressed


def _to_gzip(body: bytes) -> bytes:
    # With these window bits zlib writes a gzip header, without a time.
    return zlib.compress(body, level=6, wbits=31)


# The fastest first, which is chosen among equal weights.
_CODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "zstd": _to_zstd,
    "br": _to_br,
    "gzip": _to_gzip,
}


@lru_cache(maxsize=256)
def choose_coding(accept: str) -> str | None:
    """The coding that suits an Accept-Encoding header best; None for no coding.

    A client that refuses every coding, and `identity` too, is sent the body without one.
    """
    given = parse_preferences(accept)
    best = max(_CODINGS, key=lambda coding: _quality(coding, given))
    quality = _quality(best, given)
    # Without a weight of its own, `identity` is acceptable (RFC 9110 section 12.5.3).
    identity = given["identity"].quality if "identity" in given else 0.0
    return best if quality > 0 and quality >= identity else None


def _quality(coding: str, given: Mapping[str, Preference]) -> float:
    # x-gzip is an old name of gzip (RFC 9110 section 8.4.1.3); the others have none.
    named = [given[name].quality for name in (coding, f"x-{coding}") if name in given]
    anything = given["*"].quality if "*" in given else 0.0
    return max(named, default=anything)


def compress(body: bytes, coding: str) -> bytes:
    """The body in a content coding."""
    return _CODINGS[coding](body)
