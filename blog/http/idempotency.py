"""The Idempotency-Key header: repeating a request has no second effect.

In draft-ietf-httpapi-idempotency-key-header the key is a string of structured fields (RFC 9651
section 3.3.3), in double quotes; most clients send it without quotes, which means the same here.
"""

from __future__ import annotations

import re
from hashlib import sha256

from blog.errors import Fault, Malformed
from blog.http.request import current_request
from blog.storage.access import Access
from blog.storage.idempotency import IdempotencyKey

HEADER = "Idempotency-Key"
LONGEST_KEY = 255
_STRING = re.compile(r'"((?:[^"\\]|\\["\\])*)"')


def read_key(access: Access) -> IdempotencyKey | None:
    """The key of a request, with a fingerprint of the request; None for one without a key.

    Raises Malformed for a key that can't be used.
    """
    headers = current_request().headers
    if HEADER not in headers:
        return None
    key = _read_text(headers[HEADER])
    return IdempotencyKey(access.author.name, key, _fingerprint(), access.now)


def _read_text(text: str) -> str:
    text = text.strip(" \t")
    quoted = _STRING.fullmatch(text)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else text
    if quoted is None and text.startswith('"'):
        raise _malformed(f"begins with a quote but is not a quoted string: {text!a:.80}")
    if not key:
        raise _malformed("must not be empty")
    if len(key) > LONGEST_KEY:
        raise _malformed(f"must have at most {LONGEST_KEY} characters, not {len(key)}")
    if not (key.isascii() and key.isprintable()):
        raise _malformed(f"must be printable ASCII, not {key!a:.80}")
    return key


def _fingerprint() -> str:
    """A digest of the path, the media type and the body."""
    request, digest = current_request(), sha256()
    for part in (request.path, request.mimetype):
        digest.update(part.encode() + b"\n")
    digest.update(request.get_data())
    return digest.hexdigest()


def _malformed(detail: str) -> Malformed:
    return Malformed([Fault(detail, header=HEADER)])
