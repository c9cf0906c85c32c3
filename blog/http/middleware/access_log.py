"""What is logged of each request, with the id that its client is told."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Collection
from functools import lru_cache
from time import perf_counter
from typing import Any, NamedTuple
from urllib.parse import quote, unquote_plus

from flask import Flask, Response

from blog.content.tokens import PREFIX
from blog.http.request import Request, current_request
from blog.http.wsgi import ACCESS, RECEIVED_AT, RETRY, Environ
from blog.logs import MEMBERS

logger = logging.getLogger("blog.access")

# An access token that somebody took for a part of the URL.
_SECRET = re.compile(rf"{PREFIX}\w*", re.ASCII)
_LONGEST_TARGET = 1000
_LONGEST_METHOD = 20


class Access(NamedTuple):
    """What is logged of an answer, whoever asked for it."""

    method: str
    target: str
    route: str | None
    status: int
    bytes: int


def install(app: Flask) -> None:
    """Log every request of the application, and tell its id on every answer."""
    app.before_request(_begin)
    app.after_request(_end)


def request_id() -> str:
    """The id of this request, in the log and in what the client is told."""
    return current_request().id


def duration() -> float:
    """For how many seconds this request has been here whole, the wait for a thread included."""
    return perf_counter() - current_request().started


def is_final(response: Response) -> bool:
    """Whether the client is sent this response, and so it is logged and counted.

    None is sent that came too early, nor one that only admits the request.
    """
    return response.status_code >= 200 and not current_request().environ.get(RETRY)


def log(access: Access, request_id: str, caller: dict[str, str], seconds: float) -> None:
    """Log an answer, to whom it was given, and how long that took."""
    if logger.isEnabledFor(logging.INFO):
        members = {
            "requestId": request_id,
            **caller,
            "method": access.method,
            "target": access.target,
            "route": access.route,
            "status": access.status,
            "bytes": access.bytes,
            "durationMs": round(seconds * 1000, 3),
        }
        logger.handle(_make_record(f"{access.method} {access.target} {access.status}", members))


def _make_record(message: str, members: dict[str, Any]) -> logging.LogRecord:
    """A record with members, in half of the time that the logger takes to make one.

    It would look for the place in the program that logs, and for names that are taken.
    """
    record = logging.LogRecord(logger.name, logging.INFO, "", 0, message, None, None)
    record.__dict__.update(members)
    record.__dict__[MEMBERS] = members
    return record


def observe(access: Access, environ: Environ, request_id: str) -> None:
    """Log a request that was served from a cache."""
    log(access, request_id, address_of(environ), perf_counter() - environ[RECEIVED_AT])


def new_request_id() -> str:
    """An id for a request; one that the client sent could be that of another."""
    return secrets.token_hex(8)


def address_of(environ: Environ) -> dict[str, str]:
    """From where a request came, where that is known."""
    address: str = environ.get("REMOTE_ADDR", "")
    return {"address": address} if address else {}


def _begin() -> None:
    request = current_request()
    request.id = new_request_id()
    request.started = request.environ.get(RECEIVED_AT) or perf_counter()


def _end(response: Response) -> Response:
    request = current_request()
    response.headers["X-Request-Id"] = request.id
    size = response.content_length or 0
    access = Access(_method(request), _target(request), request.route, response.status_code, size)
    request.environ[ACCESS] = access
    if is_final(response):
        log(access, request.id, _caller(request), perf_counter() - request.started)
    return response


def _caller(request: Request) -> dict[str, str]:
    """From where, and who was verified; a name that was only claimed is no fact for a log."""
    known = address_of(request.environ)
    return {**known, "author": quote(request.caller.name)} if request.caller else known


def _method(request: Request) -> str:
    """The method, in ASCII and no longer than any that means something."""
    return quote(request.method)[:_LONGEST_METHOD]


def _target(request: Request) -> str:
    """What was asked for, in ASCII: nothing a client sends can forge a line."""
    query = request.query_string.decode("latin-1")
    target = quote(request.path) + (f"?{_known(request.resource, query)}" if query else "")
    return _SECRET.sub("***", target)[:_LONGEST_TARGET]


@lru_cache
def _parameters(resource: Any) -> Collection[str]:
    return resource.parameters.keys() | resource.write_parameters.keys() if resource else ()


def _known(resource: Any, query: str) -> str:
    """The query, without what the resource does not know: it could be a secret sent astray."""
    known = _parameters(resource)
    parts = (part.partition("=") for part in query.split("&"))
    pairs = ((unquote_plus(name), value) for name, _, value in parts)
    return "&".join(
        f"{name}={quote(value, safe='%+,:/')}" if name in known else "***" for name, value in pairs
    )
