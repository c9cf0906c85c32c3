"""Random spellings of what a request is for: methods, targets and hosts, most nearly right."""

from __future__ import annotations

import random
import re
from urllib.parse import unquote, urlsplit

# Addresses that there are, whatever is in the database.
ADDRESSES = frozenset(
    {"/", "/post", "/author", "/author/rick", "/tag", "/change", "/health/live", "/metrics"}
)
METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT"]
_SEPARATORS = [
    *(["/"] * 6),
    "//",
    "///",
    "/./",
    "/../",
    "\\",
    "%2f",
    "%2F",
    "%5c",
    "/x/../",
    "/%2e/",
    ";",
]
_ENDINGS = [
    *([""] * 8), "/", "//", "/.", "/..", "?", "?x", "#", "#x", "?#", "%00", "%0a", "%20", "%23",
    "%3f", ";x=y", ".", "%", "%zz", "%c0%af", "%ed%a0%80", "%ff", "\xff", "\x01", " ", "\t", "*",
]  # fmt: skip
_BEGINNINGS = [
    *([""] * 8), "http://a", "HTTP://a:80", "https://a.example", "http://u:p@a", "http://", "a:80",
    "//a", "ftp://a", "*", "?", ".", "..",
]  # fmt: skip
_HOST_PARTS = [
    "a", "blog", "blog_app", "example", "xn--caf-dma", "127.0.0.1", "[::1]", "[2001:db8::1]", "[",
    "]", "::", ".", "..", ":", ":80", ":5000", ":65535", ":65536", ":x", ",", " ", "@", "/", "\\",
    "%41", "#", "?", "é", "\xff", "-", "_", "a" * 63, "a" * 64, "", '"', "'", "<", "\t", ";",
    "localhost",
]  # fmt: skip
_UNRESERVED = re.compile(r"%([46][1-9a-f]|[57][0-9a]|3[0-9]|2[de]|5f|7e)", re.IGNORECASE)


def method(chance: random.Random) -> str:
    """A method: one that is known, often in another case or with something added."""
    chosen = chance.choice(METHODS)
    spelt = [chosen.lower(), chosen.title(), f"{chosen}X", f"{chosen}!", f"X-{chosen}"]
    return chosen if chance.random() < 0.5 else chance.choice(spelt)


def target(chance: random.Random) -> str:
    """A target that leads to an address, or nearly."""
    segments = [_spell(segment, chance) for segment in chance.choice(sorted(ADDRESSES)).split("/")]
    path = segments[0]
    for segment in segments[1:]:
        path += chance.choice(_SEPARATORS) + segment
    return chance.choice(_BEGINNINGS) + path + chance.choice(_ENDINGS)


def host(chance: random.Random) -> str:
    """The value of a Host header: some parts of hosts, and what does not belong there."""
    return "".join(chance.choices(_HOST_PARTS, k=chance.choice([1, 1, 2, 3, 4])))


def _spell(segment: str, chance: random.Random) -> str:
    """A segment, perhaps with some letters encoded or in the other case."""
    if chance.random() < 0.8:
        return segment
    change = chance.choice(["%{:02x}", "%{:02X}", "%25{:02x}", "swap"])
    return "".join(
        letter
        if chance.random() < 0.7
        else (letter.swapcase() if change == "swap" else change.format(ord(letter)))
        for letter in segment
    )


def address(spelt: str) -> str:
    """The address that a target is for (RFC 3986 section 6.2.2.2): its path, decoded."""
    after = re.sub(r"^[a-z]+://[^/?#]*", "", spelt, flags=re.IGNORECASE) or "/"
    path = re.split(r"[?#]", after)[0] or "/"
    return _UNRESERVED.sub(lambda match: unquote(match[0]), path)


def is_told_alike(value: str, link: str) -> bool:
    """Whether a link leads to the host of a header, by whichever rules it is read."""
    parts = urlsplit(link)
    usual = value.removesuffix(":80").removesuffix(":")
    return parts.netloc == usual and parts.username is None and bool(parts.hostname)
