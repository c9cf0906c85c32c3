"""Content codings: in which of them a body is sent (RFC 9110 section 12.5.3), and how it is made.

What is compressed is another representation, so its entity-tag is another one (section 8.8.3.3).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache

import brotli
import zstandard

from blog.http.preference_lists import Preference, parse_preferences

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
    given = parse_preferences(accept)
    best = max(_CODINGS, key=lambda coding: _quality(coding, given))
    quality = _quality(best, given)
    # As it is, a body is always acceptable unless something else is said (section 12.5.3).
    plain = given["identity"].quality if "identity" in given else 0.0
    return best if quality > 0 and quality >= plain else None


def _quality(coding: str, given: Mapping[str, Preference]) -> float:
    # x-gzip is an old name of gzip (section 8.4.1.3); the others have none.
    named = [given[name].quality for name in (coding, f"x-{coding}") if name in given]
    anything = given["*"].quality if "*" in given else 0.0
    return max(named, default=anything)


def compress(body: bytes, coding: str) -> bytes:
    """The body in a content coding."""
    return _CODINGS[coding](body)
