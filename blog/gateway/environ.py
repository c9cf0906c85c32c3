"""What a WSGI application is told of a request (PEP 3333), made of what an ASGI server tells."""

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

from blog.http import framing, header_bounds
from blog.http.wsgi import REFUSAL

LONGEST_TARGET = 8192
LONGEST_HEADERS = 32768
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
_PROTOCOLS = {"1": "HTTP/1.0", "1.1": "HTTP/1.1"}
_EMPTY: dict[str, Any] = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}


def make_environ(scope: dict[str, Any]) -> dict[str, Any]:
    """The environ of a request that has no body yet.

    That of a request whose head can't be served holds the error, as its refusal. Where the target
    or the headers are too long (RFC 9110 section 15.5.15, RFC 6585 section 5), only the beginning
    of the target and the headers that frame a body are read.
    """
    target, query = scope["raw_path"][:LONGEST_TARGET], scope["query_string"][:LONGEST_TARGET]
    environ = {
        **_EMPTY,
        "REQUEST_METHOD": scope["method"],
        "PATH_INFO": unquote_to_bytes(target).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        # Many servers tell it, under this name.
        "REQUEST_URI": (target + b"?" + query if query else target).decode("latin-1"),
        "SERVER_NAME": scope["server"][0],
        "SERVER_PORT": scope["server"][1],
        "SERVER_PROTOCOL": _PROTOCOLS[scope["http_version"]],
        "REMOTE_ADDR": scope["client"][0],
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": BytesIO(),
    }
    # What is refused for its length must name a host, too. The server adds an empty one.
    if host := ",".join(_hosts(scope)):
        environ["HTTP_HOST"] = host
    if refusal := _length_fault(scope):
        return {**environ, **_framing(scope), REFUSAL: refusal}
    for name, value in scope["headers"]:
        if key := _key(name):
            text = value.decode("latin-1")
            environ[key] = f"{environ[key]},{text}" if key in environ else text
    if refusal := find_fault(environ):
        environ[REFUSAL] = refusal
    return environ


def _hosts(scope: dict[str, Any]) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]


def find_fault(environ: dict[str, Any]) -> HTTPException | None:
    """The error for a request whose headers can't be served, None where they can."""
    return header_bounds.find_fault(environ) or framing.find_fault(environ)


def attach_body(environ: dict[str, Any], body: BytesIO) -> None:
    """Add the body of a request, however it came."""
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    environ["CONTENT_LENGTH"] = str(body.getbuffer().nbytes)
    environ["wsgi.input"] = body


def _framing(scope: dict[str, Any]) -> dict[str, str]:
    fields = (field for field in scope["headers"] if field[0] in _FRAMING)
    return {str(_key(name)): value.decode("latin-1") for name, value in fields}


def _length_fault(scope: dict[str, Any]) -> HTTPException | None:
    """The error for a target or headers that are too long, None where they are not."""
    target, query = scope["raw_path"], scope["query_string"]
    if len(target) + len(query) > LONGEST_TARGET:
        return RequestURITooLarge(f"the URL is longer than {LONGEST_TARGET} bytes")
    if sum(len(name) + len(value) for name, value in scope["headers"]) > LONGEST_HEADERS:
        return RequestHeaderFieldsTooLarge(f"the headers are longer than {LONGEST_HEADERS} bytes")
    # That of a proxy request (RFC 9112 section 3.2.3) has no path.
    return None if target else BadRequest("the request is for no path")


@lru_cache(maxsize=256)
def _key(name: bytes) -> str | None:
    """Under which key a header stands.

    None for Host, which stands there already, and for a name with an underscore, which could be
    taken for another header of which a proxy lets none through.
    """
    if name == b"host" or b"_" in name:
        return None
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
