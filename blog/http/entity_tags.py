"""Entity-tags as clients send them, in If-Match and If-None-Match (RFC 9110 section 8.8.3)."""

from __future__ import annotations

import re
from typing import NamedTuple

# What a proxy that compresses a body adds to its tag, in the quotes or behind them.
_ADDED = tuple(f"{mark}{coding}" for mark in ("-", "--", ";") for coding in ("gzip", "br", "zstd"))
# What stands between two commas that are in no quoted string; a tag has no escapes.
_MEMBER = re.compile(r'(?:"[^"]*"?|[^",])+')
_TAG = re.compile(rf'([Ww]/)?("?)([^"]*)\2(?:{"|".join(_ADDED)})?')


class EntityTags(NamedTuple):
    """The tags of a header, strong and weak, without their quotes; or ``*``, for every tag."""

    strong: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()
    star: bool = False

    def contain(self, etag: str) -> bool:
        """Whether a tag is one of them by weak comparison (RFC 9110 section 8.8.3.2)."""
        return self.star or etag in self.strong or etag in self.weak

    def contain_strongly(self, etag: str) -> bool:
        """Whether a tag is one of them by strong comparison, for which no weak one counts."""
        return self.star or etag in self.strong


def parse_entity_tags(header: str) -> EntityTags:
    """Read a list of entity-tags.

    One that ends like a tag to which a proxy has added a content coding is read with and without
    that. Quotes may be missing. A member that is no tag names nothing, and neither does ``*``
    within a list.
    """
    if header.strip() == "*":
        return EntityTags(star=True)
    strong: set[str] = set()
    weak: set[str] = set()
    for member in _MEMBER.findall(header):
        if match := _TAG.fullmatch(member.strip()):
            tags = weak if match[1] else strong
            tags.add(match[3])
            if match[3].endswith(_ADDED):
                tags.update(match[3].removesuffix(added) for added in _ADDED)
    return EntityTags(frozenset(strong), frozenset(weak))
