"""What is logged of each request, with the id that its client is told."""

from __future__ import annotations

import logging
import re
import secrets
from time import perf_counter
from urllib.parse import quote, unquote_plus

from flask import Flask, Response, g, request

from blog.content.tokens import PREFIX
from blog.http.environ import AGAIN, RECEIVED
from blog.http.routes import resource, route

logger = logging.getLogger("blog.access")

# An access token that somebody took for a part of the URL.
_SECRET = re.compile(rf"{PREFIX}\w*", re.ASCII)
_LONGEST_TARGET = 1000


def install(app: Flask) -> None:
    """Log every request of the application, and tell its id on every answer."""
    app.before_request(_begin)
    app.after_request(_end)


def request_id() -> str:
    """The id of this request, in the log and in what the client is told."""
    return str(g.request_id)


def duration() -> float:
    """For how many seconds this request has been here whole, the wait for a thread included."""
    return perf_counter() - float(g.started)


def _begin() -> None:
    # One that the client sent could be that of another request.
    g.request_id = secrets.token_hex(8)
    g.started = request.environ.get(RECEIVED) or perf_counter()


def _end(response: Response) -> Response:
    response.headers["X-Request-Id"] = request_id()
    if logger.isEnabledFor(logging.INFO) and not request.environ.get(AGAIN):
        target = _target()
        logger.info(
            "%s %s %d",
            request.method,
            target,
            response.status_code,
            extra={
                "requestId": request_id(),
                **_caller(),
                "method": request.method,
                "target": target,
                "route": route(),
                "status": response.status_code,
                "bytes": response.content_length or 0,
                "durationMs": round(duration() * 1000, 3),
            },
        )
    return response


def _caller() -> dict[str, str]:
    """From where, and who was verified; a name that was only claimed is no fact for a log."""
    known = {"address": request.remote_addr} if request.remote_addr else {}
    caller = g.get("caller")
    return {**known, "author": quote(caller.name)} if caller else known


def _target() -> str:
    """What was asked for, in ASCII: nothing a client sends can forge a line."""
    query = request.query_string.decode("latin-1")
    target = quote(request.path) + (f"?{_known(query)}" if query else "")
    return _SECRET.sub("***", target)[:_LONGEST_TARGET]


def _known(query: str) -> str:
    """The query, without what the resource does not know: it could be a secret sent astray."""
    kind = resource()
    known = {**kind.parameters, **kind.write_parameters} if kind else {}
    parts = (part.partition("=") for part in query.split("&"))
    pairs = ((unquote_plus(name), value) for name, _, value in parts)
    return "&".join(
        f"{name}={quote(value, safe='%+,:/')}" if name in known else "***" for name, value in pairs
    )
