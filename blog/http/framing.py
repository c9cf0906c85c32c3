"""How the body of a request is framed (RFC 9112 section 6), and what its client expects."""

from __future__ import annotations

from werkzeug.exceptions import BadRequest, ExpectationFailed, HTTPException, NotImplemented

from blog.http.wsgi import Environ

# The coding that is decoded, and the old name for none.
_KNOWN = frozenset({"chunked", "identity", ""})
_CONTINUE = "100-continue"
# Any number of so many digits fits into 64 bits.
_MOST_DIGITS = 18


def find_fault(environ: Environ) -> HTTPException | None:
    """The error for a body that can't be read as it is framed, or an unknown expectation.

    If two parsers disagree about where a body ends, one of them reads the rest of it as another
    request.
    """
    return _coding_fault(environ) or _length_fault(environ) or _expectation_fault(environ)


def has_body(environ: Environ) -> bool:
    """Whether a request announces a body (RFC 9112 section 6)."""
    return "HTTP_TRANSFER_ENCODING" in environ or environ.get("CONTENT_LENGTH", "") not in ("", "0")


def awaits_continue(environ: Environ) -> bool:
    """Whether the client waits for `100 Continue` before it sends the body (RFC 9110 10.1.1)."""
    return _expectation(environ) == _CONTINUE and has_body(environ)


def declared_length(environ: Environ) -> int:
    """How many bytes the body has, as far as the client says."""
    return int(environ.get("CONTENT_LENGTH") or 0)


def _coding_fault(environ: Environ) -> HTTPException | None:
    value: str | None = environ.get("HTTP_TRANSFER_ENCODING")
    if value is None or value.strip().lower() == "chunked":
        return None
    codings = {coding.partition(";")[0].strip().lower() for coding in value.split(",")}
    if unknown := sorted(codings - _KNOWN):
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
    return ExpectationFailed("nothing can be expected here but 100-continue")


def _expectation(environ: Environ) -> str:
    # HTTP/1.0 has no expectations; one that is there is ignored (RFC 9110 section 10.1.1).
    if environ["SERVER_PROTOCOL"] == "HTTP/1.0":
        return ""
    expectation: str = environ.get("HTTP_EXPECT", "")
    return expectation.strip().lower()
