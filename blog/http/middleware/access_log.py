"""The access log, and the request id in the log and in X-Request-Id."""

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
from blog.http.wsgi import LOG_ENTRY, RECEIVED_AT, RETRY, Environ
from blog.logs import MEMBERS

logger = logging.getLogger("blog.access")

# An access token that a client put into the URL by mistake.
_SECRET = re.compile(rf"{PREFIX}\w*", re.ASCII)
_LONGEST_TARGET = 1000
_LONGEST_METHOD = 20


class LogEntry(NamedTuple):
    """The part of a line in the log that is the same for all clients with this response."""

    method: str
    target: str
    route: str | None
    status: int
    bytes: int


def install(app: Flask) -> None:
    """Log every request, and send its id in every response."""
    app.before_request(_begin)
    app.after_request(_end)


def request_id() -> str:
    """The id of the current request."""
    return current_request().id


def duration() -> float:
    """The seconds since the request was complete, including the wait for a thread."""
    return perf_counter() - current_request().received_at


def is_final(response: Response) -> bool:
    """Whether the response is sent to the client, so that it is logged and counted.

    The gateway discards a response before it retries the request, and one with status 100.
    """
    return response.status_code >= 200 and not current_request().environ.get(RETRY)


def log(entry: LogEntry, request_id: str, caller: dict[str, str], seconds: float) -> None:
    """Log a response, with its client and its duration."""
    if logger.isEnabledFor(logging.INFO):
        members = {
            "requestId": request_id,
            **caller,
            "method": entry.method,
            "target": entry.target,
            "route": entry.route,
            "status": entry.status,
            "bytes": entry.bytes,
            "durationMs": round(seconds * 1000, 3),
        }
        logger.handle(_make_record(f"{entry.method} {entry.target} {entry.status}", members))


def _make_record(message: str, members: dict[str, Any]) -> logging.LogRecord:
    """A record with members.

    `Logger.makeRecord` also looks for the place in the source, and for attributes with the same
    names: with it, a cached post takes 13 % longer.
    """
    record = logging.LogRecord(logger.name, logging.INFO, "", 0, message, None, None)
    record.__dict__.update(members)
    record.__dict__[MEMBERS] = members
    return record


def observe(entry: LogEntry, environ: Environ, request_id: str) -> None:
    """Log a request that was served from a cache."""
    log(entry, request_id, address_of(environ), perf_counter() - environ[RECEIVED_AT])


def new_request_id() -> str:
    """A random id; one that a client sends might be used twice."""
    return secrets.token_hex(8)


def address_of(environ: Environ) -> dict[str, str]:
    """The member with the client's address, where that is known."""
    address: str = environ.get("REMOTE_ADDR", "")
    return {"address": address} if address else {}


def _begin() -> None:
    request = current_request()
    request.id = new_request_id()
    request.received_at = request.environ.get(RECEIVED_AT) or perf_counter()


def _end(response: Response) -> Response:
    request = current_request()
    response.headers["X-Request-Id"] = request.id
    entry = LogEntry(
        method=_method(request),
        target=_target(request),
        route=request.route,
        status=response.status_code,
        bytes=response.content_length or 0,
    )
    request.environ[LOG_ENTRY] = entry
    if is_final(response):
        log(entry, request.id, _caller(request), perf_counter() - request.received_at)
    return response


def _caller(request: Request) -> dict[str, str]:
    """The address, and the author's name once it is verified."""
    known = address_of(request.environ)
    return {**known, "author": quote(request.caller.name)} if request.caller else known


def _method(request: Request) -> str:
    """The method in ASCII, truncated to a length that no standard method exceeds."""
    return quote(request.method)[:_LONGEST_METHOD]


def _target(request: Request) -> str:
    """The path and query in ASCII, so that a client can't forge a line."""
    query = request.query_string.decode("latin-1")
    target = quote(request.path) + (f"?{_redact(request.resource, query)}" if query else "")
    return _SECRET.sub("***", target)[:_LONGEST_TARGET]


@lru_cache
def _parameters(resource: Any) -> Collection[str]:
    return resource.parameters.keys() | resource.write_parameters.keys() if resource else ()


def _redact(resource: Any, query: str) -> str:
    """The query without the values of unknown parameters, which may be secrets sent by mistake."""
    known = _parameters(resource)
    parts = (part.partition("=") for part in query.split("&"))
    pairs = ((unquote_plus(name), value) for name, _, value in parts)
    return "&".join(
        f"{name}={quote(value, safe='%+,:/')}" if name in known else "***" for name, value in pairs
    )
