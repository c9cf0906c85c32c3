"""The WSGI environ of a request (PEP 3333), made from its ASGI scope.

The makers of environs in a2wsgi and asgiref decode a path that is not UTF-8 to another one, fail on
a query that is not ASCII, and have neither limits nor REQUEST_URI.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    RequestHeaderFieldsTooLarge,
    RequestURITooLarge,
)

from blog.http.request_head import find_fault
from blog.http.wsgi import REFUSAL, Environ

LONGEST_TARGET = 8192
LONGEST_HEADERS = 32768
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
_PROTOCOLS = {"1": "HTTP/1.0", "1.1": "HTTP/1.1"}
_SAME_FOR_ALL: Environ = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}


def make_environ(scope: dict[str, Any]) -> Environ:
    """Make the environ of a request, without its body.

    If the head is invalid, the environ holds the error under REFUSAL. If the target or the headers
    are too long (RFC 9110 section 15.5.15, RFC 6585 section 5), it holds only the beginning of the
    target, Host, and the headers that frame the body.
    """
    environ = {**_SAME_FOR_ALL, **_request_line(scope), **_host(scope)}
    if refusal := _length_fault(scope):
        return {**environ, **_framing(scope), REFUSAL: refusal}
    for name, value in scope["headers"]:
        if key := _environ_key(name):
            text = value.decode("latin-1")
            environ[key] = f"{environ[key]},{text}" if key in environ else text
    if refusal := find_fault(environ):
        environ[REFUSAL] = refusal
    return environ


def attach_body(environ: Environ, body: BytesIO) -> None:
    """Add the body of a request, whether it was chunked or not."""
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    environ["CONTENT_LENGTH"] = str(body.getbuffer().nbytes)
    environ["wsgi.input"] = body


def _request_line(scope: dict[str, Any]) -> Environ:
    target, query = scope["raw_path"][:LONGEST_TARGET], scope["query_string"][:LONGEST_TARGET]
    return {
        "REQUEST_METHOD": scope["method"],
        "PATH_INFO": unquote_to_bytes(target).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        # The target as it was sent; not in PEP 3333, but many servers set it.
        "REQUEST_URI": (target + b"?" + query if query else target).decode("latin-1"),
        "SERVER_NAME": scope["server"][0],
        "SERVER_PORT": scope["server"][1],
        "SERVER_PROTOCOL": _PROTOCOLS[scope["http_version"]],
        "REMOTE_ADDR": scope["client"][0],
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": BytesIO(),
    }


def _host(scope: dict[str, Any]) -> dict[str, str]:
    """All Host headers, joined; none for an empty one, which the server adds if there is none."""
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    host = ",".join(hosts)
    return {"HTTP_HOST": host} if host else {}


def _framing(scope: dict[str, Any]) -> dict[str, str]:
    fields = (field for field in scope["headers"] if field[0] in _FRAMING)
    return {str(_environ_key(name)): value.decode("latin-1") for name, value in fields}


def _length_fault(scope: dict[str, Any]) -> HTTPException | None:
    """The error for a target or headers that are too long, or a request without a path."""
    target, query = scope["raw_path"], scope["query_string"]
    if len(target) + len(query) > LONGEST_TARGET:
        return RequestURITooLarge(f"the URL is longer than {LONGEST_TARGET} bytes")
    if sum(len(name) + len(value) for name, value in scope["headers"]) > LONGEST_HEADERS:
        return RequestHeaderFieldsTooLarge(f"the headers are longer than {LONGEST_HEADERS} bytes")
    # CONNECT has an authority instead of a path (RFC 9112 section 3.2.3).
    return None if target else BadRequest("the request is for no path")


@lru_cache(maxsize=256)
def _environ_key(name: bytes) -> str | None:
    """The environ key of a header, or None for a header that is left out.

    Host is set separately. A name with an underscore would get the key of the same name with a
    hyphen, and so pass as a header that a proxy removes from requests.
    """
    if name == b"host" or b"_" in name:
        return None
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
