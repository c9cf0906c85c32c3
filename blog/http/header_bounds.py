"""How long the header fields may be that this program reads (RFC 6585 section 5).

The time to parse a list grows with its length, so a list longer than any client needs is refused.
"""

from __future__ import annotations

from werkzeug.exceptions import HTTPException, RequestHeaderFieldsTooLarge

from blog.http.wsgi import Environ

LONGEST_FIELD = 4096
MOST_MEMBERS = 100
# All fields that are parsed but Host, which is checked before them, and Authorization, which is not
# a list and may be longer.
_NAMES = (
    *("Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language"),
    *("Content-Encoding", "Content-Type", "Expect", "Idempotency-Key"),
    *("If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since"),
    *("Forwarded", "Origin", "Prefer", "Range", "Sec-Fetch-Site", "Transfer-Encoding"),
    *(f"X-Forwarded-{name}" for name in ("For", "Host", "Port", "Prefix", "Proto")),
)
_UNPREFIXED = frozenset({"Content-Type"})


def _key(name: str) -> str:
    """Under which key a header field stands in an environ (PEP 3333)."""
    key = name.upper().replace("-", "_")
    return key if name in _UNPREFIXED else f"HTTP_{key}"


_BOUNDED = {_key(name): name for name in _NAMES}


def find_fault(environ: Environ) -> HTTPException | None:
    """The error for a request with a header field that is too long, None where there is none."""
    for key, name in _BOUNDED.items():
        value = environ.get(key)
        if value and (len(value) > LONGEST_FIELD or value.count(",") >= MOST_MEMBERS):
            return RequestHeaderFieldsTooLarge(
                f"{name} has more than {LONGEST_FIELD} bytes or {MOST_MEMBERS} members"
            )
    return None
