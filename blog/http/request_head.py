"""The head of a request: how its body is framed, and limits on the header fields that are parsed.

It reads the WSGI environ alone, so that the gateway and the application decide alike.
"""

from __future__ import annotations

from flask import Flask
from werkzeug.exceptions import (
    BadRequest,
    ExpectationFailed,
    HTTPException,
    NotImplemented,
    RequestHeaderFieldsTooLarge,
)

from blog.http.request import current_request
from blog.http.wsgi import REFUSAL, Environ

# The time to parse a list grows with its length, so a list longer than any client needs is refused.
LONGEST_FIELD = 4096
MOST_MEMBERS = 100
# All fields that are parsed, except Host, which is checked separately, and Authorization, which is
# not a list and may be longer.
_FIELDS = (
    *("Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language"),
    *("Content-Encoding", "Content-Type", "Expect", "Idempotency-Key"),
    *("If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since"),
    *("Forwarded", "Origin", "Prefer", "Range", "Sec-Fetch-Site", "Transfer-Encoding"),
    *(f"X-Forwarded-{name}" for name in ("For", "Host", "Port", "Prefix", "Proto")),
)
# The transfer coding that is decoded, and the old name for none.
_KNOWN_CODINGS = frozenset({"chunked", "identity", ""})
_CONTINUE = "100-continue"
# Any number with this many digits fits into 64 bits.
_MOST_DIGITS = 18


def _environ_key(name: str) -> str:
    """The environ key of a header field (PEP 3333)."""
    key = name.upper().replace("-", "_")
    return key if key == "CONTENT_TYPE" else f"HTTP_{key}"


_LIMITED = {_environ_key(name): name for name in _FIELDS}


def install(app: Flask) -> None:
    """Refuse requests that the gateway has marked, or, without a gateway, that have a fault."""
    app.before_request(_refuse)


def _refuse() -> None:
    environ = current_request().environ
    if refusal := environ.get(REFUSAL) or find_fault(environ):
        raise refusal


def find_fault(environ: Environ) -> HTTPException | None:
    """The error for a request whose header fields are invalid; None if they are valid.

    A field is too long (RFC 6585 section 5), the body is framed ambiguously, or an expectation is
    unknown. If two parsers disagree on where a body ends, one of them reads the rest of it as
    another request (RFC 9112 section 11.2).
    """
    return (
        _field_fault(environ)
        or _coding_fault(environ)
        or _length_fault(environ)
        or _expectation_fault(environ)
    )


def has_body(environ: Environ) -> bool:
    """Whether a request announces a body (RFC 9112 section 6)."""
    return "HTTP_TRANSFER_ENCODING" in environ or environ.get("CONTENT_LENGTH", "") not in ("", "0")


def awaits_continue(environ: Environ) -> bool:
    """Whether the client waits for `100 Continue` before it sends the body (RFC 9110 10.1.1)."""
    return _expectation(environ) == _CONTINUE and has_body(environ)


def declared_length(environ: Environ) -> int:
    """The length of the body by Content-Length; 0 if there is none."""
    return int(environ.get("CONTENT_LENGTH") or 0)


def _field_fault(environ: Environ) -> HTTPException | None:
    for key, name in _LIMITED.items():
        value = environ.get(key)
        if value and (len(value) > LONGEST_FIELD or value.count(",") >= MOST_MEMBERS):
            return RequestHeaderFieldsTooLarge(
                f"{name} has more than {LONGEST_FIELD} bytes or {MOST_MEMBERS} members"
            )
    return None


def _coding_fault(environ: Environ) -> HTTPException | None:
    value: str | None = environ.get("HTTP_TRANSFER_ENCODING")
    if value is None or value.strip().lower() == "chunked":
        return None
    codings = {coding.partition(";")[0].strip().lower() for coding in value.split(",")}
    if unknown := sorted(codings - _KNOWN_CODINGS):
        return NotImplemented(f"the transfer coding {unknown[0]!a:.60} is not known here")
    return BadRequest("Transfer-Encoding must be chunked, once")


def _length_fault(environ: Environ) -> HTTPException | None:
    value: str = environ.get("CONTENT_LENGTH", "")
    if value and not (value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS):
        return BadRequest(f"Content-Length is not one number: {value!a:.60}")
    return None


def _expectation_fault(environ: Environ) -> HTTPException | None:
    if _expectation(environ) in ("", _CONTINUE):
        return None
    return ExpectationFailed("the only expectation known here is 100-continue")


def _expectation(environ: Environ) -> str:
    # An expectation in HTTP/1.0 is ignored (RFC 9110 section 10.1.1).
    if environ["SERVER_PROTOCOL"] == "HTTP/1.0":
        return ""
    expectation: str = environ.get("HTTP_EXPECT", "")
    return expectation.strip().lower()
